#include "server/wire/frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "server/common/errors.h"

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

TEST(FramesTest, AReplyCarriesItsPayload) {
  v1::ServerFrame reply;
  reply.mutable_reply()->set_id(3);
  reply.mutable_reply()->mutable_get_state()->mutable_position()->set_offset(9);
  const FramePtr frame = EncodeFrame(reply, All(), Payload::FromText(R"({"a":1})"));
  EXPECT_THAT(frame->bytes(Encoding::kWebSocketJson), HasSubstr(R"("state":{"a":1})"));
  EXPECT_EQ(Payload::FromValue(ParseGrpc(*frame).reply().get_state().state())->Json(), R"({"a":1})");
}

TEST(FramesTest, ReadsARequestWithItsPayloadBeside) {
  const ClientRequest request =
      DecodeJsonFrame(R"({"id":3,"emit":{"roomId":"r","event":"e","data":[1.0,2],"includeSelf":true}})");
  ASSERT_TRUE(request.status.ok()) << request.status;
  EXPECT_EQ(request.id, 3u);
  EXPECT_EQ(request.frame.emit().room_id(), "r");
  EXPECT_TRUE(request.frame.emit().include_self());
  EXPECT_FALSE(request.frame.emit().has_data());
  EXPECT_EQ(request.payload.Json(), "[1,2]");

  v1::ClientFrame frame;
  frame.set_id(4);
  frame.mutable_emit()->mutable_data()->set_bool_value(true);
  const ClientRequest proto = DecodeProtoFrame(frame.SerializeAsString());
  ASSERT_TRUE(proto.status.ok());
  EXPECT_EQ(proto.payload.Json(), "true");
}

TEST(FramesTest, ErrorsNameTheFieldAndKeepTheId) {
  const struct {
    const char* text;
    uint32_t id;
    const char* field;
  } cases[] = {
      {R"({"id":5,"emit":{"roomId":5}})", 5, "emit.roomId"},
      {R"({"emit":{"rom":"r"},"id":6})", 6, "emit.rom"},
      {R"({"id":7,"emti":{}})", 7, "emti"},
      {R"({"id":8})", 8, "frame"},
      {R"({"id":9,"emit":{},"join":{}})", 9, "join"},
      {R"({"id":-1,"join":{}})", 0, "id"},
      {"[]", 0, "frame"},
  };
  for (const auto& c : cases) {
    const ClientRequest request = DecodeJsonFrame(c.text);
    EXPECT_EQ(request.status.code(), absl::StatusCode::kInvalidArgument) << c.text;
    EXPECT_EQ(request.id, c.id) << c.text;
    EXPECT_EQ(ErrorField(request.status), c.field) << request.status;
  }
  EXPECT_FALSE(DecodeProtoFrame("\xff\xff").status.ok());
}

}  // namespace
}  // namespace atrium
