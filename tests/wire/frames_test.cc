#include "server/wire/frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "server/wire/deflate.h"

namespace atrium {
namespace {

using ::testing::HasSubstr;

EncodingSet All() {
  EncodingSet all;
  for (int i = 0; i < kEncodings; ++i) all.Add(static_cast<Encoding>(i));
  return all;
}

Event MakeEvent(std::string data) {
  return {.room_id = "geral",
          .origin = {.offset = 7},
          .event = "hi",
          .data = Payload::FromText(std::move(data)),
          .sender_id = "s0-1",
          .sender_user_id = "ana",
          .time = absl::FromUnixMillis(1'795'404'432'654)};
}

v1::ServerFrame ParseGrpc(const Frame& frame) {
  v1::ServerFrames frames;
  EXPECT_TRUE(frames.ParseFromString(frame.bytes(Encoding::kGrpc)));
  EXPECT_EQ(frames.frames_size(), 1);
  return frames.frames(0);
}

TEST(FramesTest, AnEventIsTheSameInEveryEncoding) {
  const FramePtr frame = EncodeEvent(MakeEvent(R"({"x":[1,null]})"), All());
  const std::string& json = frame->bytes(Encoding::kWebSocketJson);
  const std::string text =
      R"({"event":{"roomId":"geral","offset":"7","event":"hi","data":{"x":[1,null]},"senderId":"s0-1",)"
      R"("senderUserId":"ana","time":"2026-11-23T03:27:12.654Z"}})";
  ASSERT_EQ(json.size(), text.size() + 4);
  EXPECT_EQ(json.substr(4), text);
  EXPECT_EQ(static_cast<uint8_t>(json[0]), 0x81);

  const v1::RoomEvent event = ParseGrpc(*frame).event();
  EXPECT_EQ(event.offset(), 7u);
  EXPECT_EQ(event.sender_user_id(), "ana");
  EXPECT_EQ(Payload::FromValue(event.data())->Json(), R"({"x":[1,null]})");
  v1::ServerFrame binary;
  EXPECT_TRUE(binary.ParseFromString(frame->bytes(Encoding::kWebSocketProto).substr(2)));
  EXPECT_EQ(binary.SerializeAsString(), ParseGrpc(*frame).SerializeAsString());
}

TEST(FramesTest, EncodingsStandInTheirOrderInTheTable) {
  for (int i = 0; i < kEncodings; ++i) {
    const EncodingTraits& traits = kEncodingTable[i];
    EXPECT_EQ(static_cast<int>(traits.encoding), i);
    EXPECT_EQ(FormOf(traits.stored_as), traits.form);
    EXPECT_EQ(traits.stored_as == traits.encoding, i < kStoredEncodings);
    if (IsWebSocketMessage(traits.framing)) {
      EXPECT_EQ(WebSocketEncoding(traits.form, traits.deflated), traits.encoding);
    }
  }
}

TEST(FramesTest, BareJsonIsPartOfAMessage) {
  const FramePtr frame = EncodeEvent(MakeEvent("1"), Encoding::kBareJson);
  const absl::string_view bare = frame->message(Encoding::kBareJson);
  EXPECT_EQ(bare, frame->message(Encoding::kWebSocketJson));
  EXPECT_EQ(bare.front(), '{');
  EXPECT_EQ(bare.back(), '}');
  const std::string& message = frame->bytes(Encoding::kWebSocketJson);
  EXPECT_EQ(bare.data() + bare.size(), message.data() + message.size());
  EXPECT_FALSE(frame->has(Encoding::kWebSocketProto));
}

TEST(FramesTest, GrpcFramesInARowAreOneMessage) {
  const FramePtr frame = EncodeEvent(MakeEvent("1"), Encoding::kGrpc);
  v1::ServerFrames frames;
  ASSERT_TRUE(frames.ParseFromString(frame->bytes(Encoding::kGrpc) + frame->bytes(Encoding::kGrpc)));
  EXPECT_EQ(frames.frames_size(), 2);
}

TEST(FramesTest, WritesWebSocketLengthsAtTheirBorders) {
  // Bytes of the frame around its data.
  const size_t around =
      EncodeEvent(MakeEvent("\"\""), Encoding::kWebSocketJson)->bytes(Encoding::kWebSocketJson).size() - 4;
  for (const auto& [length, header] : {std::pair<size_t, size_t>{65'535, 4}, {65'536, 10}}) {
    const std::string data = "\"" + std::string(length - around, 'x') + "\"";
    const std::string bytes = EncodeEvent(MakeEvent(data), Encoding::kWebSocketJson)->bytes(Encoding::kWebSocketJson);
    EXPECT_EQ(bytes.size(), length + header);
    EXPECT_EQ(static_cast<uint8_t>(bytes[1]), header == 4 ? 126 : 127);
  }
}

// ---- Compressed ones

// What a deflated frame is unpacked; with its header checked.
std::string Unpacked(const Frame& frame, Encoding encoding, uint8_t first_byte) {
  EXPECT_EQ(static_cast<uint8_t>(frame.bytes(encoding)[0]), first_byte);
  return Inflater().Inflate(frame.message(encoding), 1 << 20).value_or("error");
}

Event LongEvent(uint64_t offset = 7) {
  Event event = MakeEvent("\"" + std::string(5000, 'x') + "\"");
  event.origin = {.room = 1, .offset = offset};
  return event;
}

TEST(FramesTest, ACompressedFrameIsTheSame) {
  Deflater deflater(1000);
  EncodingSet encodings(&deflater);
  for (const Encoding encoding : {Encoding::kDeflatedJson, Encoding::kDeflatedProto}) encodings.Add(encoding);
  const FramePtr frame = EncodeEvent(LongEvent(), encodings);
  ASSERT_NE(frame->deflated(), nullptr);
  const Frame& deflated = *frame->deflated();
  EXPECT_EQ(Unpacked(deflated, Encoding::kDeflatedJson, 0xc1), frame->message(Encoding::kWebSocketJson));
  EXPECT_EQ(Unpacked(deflated, Encoding::kDeflatedProto, 0xc2), frame->message(Encoding::kWebSocketProto));
  EXPECT_LT(deflated.size(), 500u);
  EXPECT_EQ(deflated.origin().offset, 7u);
  EXPECT_FALSE(deflated.is_volatile());
  EXPECT_EQ(frame->size(), deflated.size() + frame->bytes(Encoding::kWebSocketJson).size() +
                               frame->bytes(Encoding::kWebSocketProto).size());
  EXPECT_TRUE(EncodeEvent(LongEvent(0), encodings)->deflated()->is_volatile());
  EXPECT_EQ(deflater.counts().smaller.value(), 4) << "once for each encoding";
}

TEST(FramesTest, OnlyWhatIsWantedIsCompressed) {
  Deflater deflater(1000);
  EXPECT_EQ(EncodeEvent(LongEvent(), Encoding::kDeflatedJson)->deflated(), nullptr) << "without a deflater";
  EXPECT_EQ(EncodeEvent(LongEvent(), {Encoding::kWebSocketJson, &deflater})->deflated(), nullptr);
  EXPECT_EQ(EncodeEvent(MakeEvent("1"), {Encoding::kDeflatedJson, &deflater})->deflated(), nullptr) << "short";
  EncodingSet encodings(Encoding::kDeflatedJson, &deflater);
  encodings.Add(Encoding::kWebSocketProto);
  const FramePtr frame = EncodeEvent(LongEvent(), encodings);
  EXPECT_TRUE(frame->has(Encoding::kWebSocketProto));
  ASSERT_NE(frame->deflated(), nullptr);
  EXPECT_TRUE(frame->deflated()->has(Encoding::kDeflatedJson));
  EXPECT_FALSE(frame->deflated()->has(Encoding::kDeflatedProto));
}

TEST(FramesTest, AFrameIsCompressedWhenItIsMadeFromAnotherToo) {
  Deflater deflater(1000);
  const FramePtr grpc = EncodeEvent(LongEvent(), Encoding::kGrpc);
  const FramePtr frame = Reencode(*grpc, {Encoding::kDeflatedJson, &deflater});
  ASSERT_NE(frame->deflated(), nullptr);
  EXPECT_EQ(Unpacked(*frame->deflated(), Encoding::kDeflatedJson, 0xc1),
            EncodeEvent(LongEvent(), Encoding::kWebSocketJson)->message(Encoding::kWebSocketJson));
  EXPECT_EQ(frame->deflated()->origin().room, 1u);
}

TEST(FramesTest, AReplyCarriesItsPayload) {
  v1::ServerFrame reply;
  reply.mutable_reply()->set_id(3);
  reply.mutable_reply()->mutable_get_state()->mutable_position()->set_offset(9);
  const FramePtr frame = EncodeFrame(reply, All(), Payload::FromText(R"({"a":1})"));
  EXPECT_THAT(frame->bytes(Encoding::kWebSocketJson), HasSubstr(R"("state":{"a":1})"));
  EXPECT_EQ(Payload::FromValue(ParseGrpc(*frame).reply().get_state().state())->Json(), R"({"a":1})");
}

}  // namespace
}  // namespace atrium
