#include "server/websocket/frame_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace atrium {
namespace {

using State = FrameParser::State;

// A frame of a client; payloads of up to 65,535 bytes.
std::string Frame(int first, const std::string& payload) {
  std::string frame(1, static_cast<char>(first));
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80 | payload.size());
  } else {
    frame += {'\xfe', static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size() & 0xff)};
  }
  const std::string key = "\x37\xfa\x21\x3d";
  frame += key;
  for (size_t i = 0; i < payload.size(); ++i) frame += static_cast<char>(payload[i] ^ key[i % 4]);
  return frame;
}
constexpr int kText = 0x81, kBegin = 0x01, kMiddle = 0x00, kEnd = 0x80, kClose = 0x88, kPing = 0x89;

// Stops after so many messages and frames.
struct Reader final : FrameParser::Sink {
  bool OnMessage(bool, absl::string_view message) override {
    messages.emplace_back(message);
    return --left > 0;
  }
  bool OnOtherFrame() override {
    ++others;
    return --left > 0;
  }
  std::vector<std::string> messages;
  int others = 0;
  int left = 1'000'000'000;
};

TEST(FrameParserTest, StopsBehindAMessageAndGoesOnThere) {
  FrameParser parser(100);
  Reader reader;
  const std::string bytes = Frame(kText, "one") + Frame(kBegin, "tw") + Frame(kPing, "ping") + Frame(kEnd, "o") +
                            Frame(kText, "three") + Frame(kText, "four").substr(0, 8);
  size_t begin = 0;
  std::string answers;
  std::vector<size_t> stops;
  while (begin < bytes.size()) {
    reader.left = 1;
    const FrameParser::Outcome outcome = parser.Feed(absl::string_view(bytes).substr(begin), reader);
    ASSERT_EQ(outcome.state, State::kOpen);
    begin += outcome.read;
    stops.push_back(begin);
    answers += outcome.answer;
  }
  EXPECT_EQ(reader.messages, (std::vector<std::string>{"one", "two", "three"}));
  EXPECT_EQ(stops.size(), 6u) << "behind each frame, and at the end";
  EXPECT_EQ(answers, "\x8a\x04ping");
  EXPECT_FALSE(parser.idle());
}

TEST(FrameParserTest, SaysWhenWhatIsHalfReadBegan) {
  FrameParser parser(100);
  Reader reader;
  EXPECT_TRUE(parser.idle());
  parser.Feed(Frame(kBegin, "a").substr(0, 3), reader);
  EXPECT_TRUE(parser.began());
  parser.Feed(Frame(kBegin, "a").substr(3) + Frame(kMiddle, "b") + Frame(kPing, ""), reader);
  EXPECT_FALSE(parser.began());
  EXPECT_FALSE(parser.idle());
  parser.Feed(Frame(kEnd, "c") + Frame(kBegin, "d"), reader);
  EXPECT_TRUE(parser.began());
  parser.Feed(Frame(kEnd, "e"), reader);
  EXPECT_TRUE(parser.idle());
  EXPECT_EQ(reader.messages, (std::vector<std::string>{"abc", "de"}));
}

TEST(FrameParserTest, CountsFragmentsAndControlFrames) {
  FrameParser parser(100);
  Reader reader;
  parser.Feed(Frame(kBegin, "") + Frame(kMiddle, "") + Frame(kPing, "") + Frame(kEnd, "") + Frame(kText, ""), reader);
  EXPECT_EQ(reader.others, 4);
  EXPECT_EQ(reader.messages.size(), 2u);
}

TEST(FrameParserTest, AMessageOfTooManyFragmentsIsAViolation) {
  for (const std::string payload : {"", "x"}) {
    FrameParser parser(64 * 1024);
    Reader reader;
    EXPECT_EQ(parser.Feed(Frame(kBegin, payload), reader).state, State::kOpen);
    for (int i = 1; i < 4096; ++i) ASSERT_EQ(parser.Feed(Frame(kMiddle, payload), reader).state, State::kOpen) << i;
    const FrameParser::Outcome outcome = parser.Feed(Frame(kMiddle, payload), reader);
    EXPECT_EQ(outcome.state, State::kViolation);
    EXPECT_EQ(outcome.close_code, 1008);
  }
  // Each message by itself.
  FrameParser parser(100);
  Reader reader;
  for (int message = 0; message < 20; ++message) {
    parser.Feed(Frame(kBegin, ""), reader);
    for (int i = 0; i < 1000; ++i) parser.Feed(Frame(kMiddle, ""), reader);
    ASSERT_EQ(parser.Feed(Frame(kEnd, "x"), reader).state, State::kOpen);
  }
  EXPECT_EQ(reader.messages.size(), 20u);
}

TEST(FrameParserTest, EchoesTheClosesThatMayBeSent) {
  for (int code = 0; code <= 0xffff; ++code) {
    const bool may_be_sent =
        (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code < 5000);
    FrameParser parser(100);
    Reader reader;
    const std::string payload = {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
    const FrameParser::Outcome outcome = parser.Feed(Frame(kClose, payload) + "rest", reader);
    if (may_be_sent) {
      ASSERT_EQ(outcome.state, State::kPeerClosed) << code;
      ASSERT_EQ(outcome.close_code, code);
      ASSERT_EQ(outcome.answer, absl::StrCat("\x88\x02", payload));
    } else {
      ASSERT_EQ(outcome.state, State::kViolation) << code;
      ASSERT_EQ(outcome.close_code, 1002);
    }
  }
}

TEST(FrameParserTest, FindsAnUnmaskedFrameBeforeItsPayload) {
  FrameParser parser(100);
  Reader reader;
  const FrameParser::Outcome outcome = parser.Feed(absl::string_view("\x81\x02{}", 4), reader);
  EXPECT_EQ(outcome.state, State::kViolation);
  EXPECT_EQ(outcome.close_code, 1002);
}

TEST(FrameParserTest, WantsTheShortestLength) {
  for (const absl::string_view head : {absl::string_view("\x82\xfe\x00\x7d"
                                                         "keyk",
                                                         8),
                                       absl::string_view("\x82\xff\0\0\0\0\0\0\xff\xff"
                                                         "keyk",
                                                         14),
                                       absl::string_view("\x82\xff\x80\0\0\0\0\1\0\0"
                                                         "keyk",
                                                         14)}) {
    FrameParser parser(100'000);
    Reader reader;
    EXPECT_EQ(parser.Feed(head, reader).close_code, 1002);
  }
}

}  // namespace
}  // namespace atrium
