// What a room has done while somebody was away: joins with `since` on each door, and GetHistory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/matchers.h"
#include "tests/support/room_reader.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

v1::ClientFrame JoinSince(const std::string& room, const v1::Position& since) {
  v1::ClientFrame frame = JoinFrame(room);
  *frame.mutable_join()->mutable_since() = since;
  return frame;
}

std::vector<std::string> TextsAfter(const TestClient& client, const std::string& room, uint64_t offset) {
  std::vector<v1::ServerFrame> frames;
  for (const v1::ServerFrame& frame : client.RoomFrames(room)) {
    if (OffsetOf(frame) > offset) frames.push_back(frame);
  }
  return Texts(frames);
}

class SinceTest : public testing::TestWithParam<Door> {
 protected:
  explicit SinceTest(const TestServer::Flags& flags = {}) : server_(flags), witness_(server_, Door::kProto) {
    witness_.Join("r", R"({"n":0})");
  }

  // Everybody hears it.
  void Emit(const std::string& event) {
    const HttpReply reply = server_.Post("/api/rooms/r/emit", absl::StrCat(R"({"event":")", event, R"(","data":[1]})"));
    ASSERT_EQ(reply.status, 200) << reply.body;
  }
  void EmitTo(const TestClient& client, const std::string& event) {
    const std::string body = absl::StrCat(R"({"event":")", event, R"(","to":[")", client.id(), "\"]}");
    ASSERT_EQ(server_.Post("/api/rooms/r/emit", body).status, 200);
  }

  TestServer server_;
  TestClient witness_;
};

std::string DoorOf(const testing::TestParamInfo<Door>& info) {
  return info.param == Door::kJson ? "Json" : info.param == Door::kProto ? "Proto" : "Grpc";
}
INSTANTIATE_TEST_SUITE_P(Doors, SinceTest, testing::Values(Door::kJson, Door::kProto, Door::kGrpc), DoorOf);

TEST_P(SinceTest, BringsWhatWasMissedAndNothingElse) {
  v1::Position since;
  {
    TestClient first(server_, GetParam());
    first.Join("r");
    since = first.Emit("r", "seen").emit().position();
    EXPECT_GT(since.offset(), 0u);
    first.SayLeave();
    witness_.WaitFor([](const v1::ServerFrame& frame) { return frame.member().left_size() == 1; }, "its leaving");
  }
  Emit("one");
  witness_.SetState("r", R"({"n":1})");
  EmitTo(witness_, "whisper");
  Emit("two");
  TestClient back(server_, GetParam());
  const v1::JoinResponse joined = back.Ask(JoinSince("r", since)).join();
  EXPECT_TRUE(joined.recovered());
  EXPECT_EQ(PositionId(joined.position()), PositionId(since));
  EXPECT_FALSE(joined.has_state());
  EXPECT_EQ(joined.members_size(), 0);
  EXPECT_EQ(joined.room().member_count(), 2);
  Emit("three");

  back.WaitForEvent("r", "three");
  witness_.WaitForEvent("r", "three");
  std::vector<std::string> expected;
  for (const std::string& text : TextsAfter(witness_, "r", since.offset())) {
    if (text.find("whisper") == std::string::npos) expected.push_back(text);
  }
  // The first one left, and this one came.
  EXPECT_EQ(expected.size(), 6u);
  EXPECT_EQ(TextsAfter(back, "r", 0), expected);
}

TEST_P(SinceTest, BringsEverythingWhenThePositionIsNotKnown) {
  Emit("one");
  const v1::Position now = witness_.GetState("r").get_state().position();
  v1::Position other_epoch = now;
  other_epoch.set_epoch("another");
  v1::Position of_nothing;
  of_nothing.set_offset(1);
  v1::Position future = now;
  future.set_offset(now.offset() + 1000);
  for (const v1::Position& since : {other_epoch, of_nothing, future}) {
    TestClient back(server_, GetParam());
    const v1::JoinResponse joined = back.Ask(JoinSince("r", since)).join();
    EXPECT_FALSE(joined.recovered()) << since.ShortDebugString();
    EXPECT_EQ(joined.position().epoch(), now.epoch());
    EXPECT_GT(joined.position().offset(), now.offset());
    EXPECT_EQ(JsonText(joined.state()), R"({"n":0})");
    EXPECT_EQ(joined.members_size(), joined.room().member_count());
    Emit("next");
    const v1::RoomEvent next = back.WaitForEvent("r", "next");
    EXPECT_EQ(Kinds(back.RoomFrames("r")).front(), "event:next") << "nothing old comes";
    EXPECT_GT(next.offset(), joined.position().offset());
  }
}

class ShortHistoryTest : public SinceTest {
 protected:
  ShortHistoryTest() : SinceTest({"--history-frames=5"}) {}
};
INSTANTIATE_TEST_SUITE_P(Doors, ShortHistoryTest, testing::Values(Door::kJson, Door::kProto, Door::kGrpc), DoorOf);

TEST_P(ShortHistoryTest, BringsEverythingWhenItIsTooLongAgo) {
  const v1::Position since = witness_.GetState("r").get_state().position();
  for (int i = 0; i < 5; ++i) Emit("e");
  // Its own coming is the sixth.
  TestClient back(server_, GetParam());
  EXPECT_FALSE(back.Ask(JoinSince("r", since)).join().recovered());
  v1::Position later = since;
  later.set_offset(since.offset() + 3);
  TestClient other(server_, GetParam());
  EXPECT_TRUE(other.Ask(JoinSince("r", later)).join().recovered());
}

class HistoryApiTest : public testing::Test {
 protected:
  void SetUp() override {
    TestClient ana(server_, Door::kJson);
    epoch_ = ana.Join("r").join().position().epoch();  // 1
    ana.Emit("r", "one");                              // 2
    ana.SetState("r", R"({"n":1})");                   // 3
    const std::string body = absl::StrCat(R"({"event":"whisper","to":[")", ana.id(), "\"]}");
    EXPECT_EQ(server_.Post("/api/rooms/r/emit", body).status, 200);                    // 4
    EXPECT_EQ(server_.Post("/api/rooms/r/emit", R"({"event":"two"})").status, 200);    // 5
    EXPECT_EQ(server_.Post("/api/rooms/r/emit", R"({"event":"three"})").status, 200);  // 6
    // Not recorded.
    EXPECT_EQ(server_.Post("/api/rooms/r/emit", R"({"event":"wave","volatile":true})").status, 200);
    ana.SayLeave();
    ana.WaitForEnd();
    EXPECT_TRUE(Eventually([&] { return History("").size() == 6; }));
  }

  static std::string WordOf(const boost::json::value& frame) {
    const auto& [kind, body] = *frame.as_object().begin();
    return absl::StrCat(std::string(kind), "@", TextOf(body.at("offset")));
  }
  std::vector<std::string> History(const std::string& query) {
    std::vector<std::string> words;
    const boost::json::value answer = server_.Get("/api/rooms/r/history" + query).Json();
    for (const auto& frame : answer.at("frames").as_array()) words.push_back(WordOf(frame));
    return words;
  }

  TestServer server_;
  std::string epoch_;
};

TEST_F(HistoryApiTest, GivesWhatIsPublicInItsOrder) {
  EXPECT_THAT(History(""), ElementsAre("member@1", "event@2", "patch@3", "event@5", "event@6", "member@7"));
  EXPECT_THAT(History(absl::StrCat("?since.epoch=", epoch_, "&since.offset=3")),
              ElementsAre("event@5", "event@6", "member@7"));
  EXPECT_THAT(History(absl::StrCat("?since.epoch=", epoch_, "&since.offset=7")), IsEmpty());
  const boost::json::value answer = server_.Get("/api/rooms/r/history").Json();
  EXPECT_EQ(TextOf(answer.at("position").at("offset")), "7");
  EXPECT_EQ(TextOf(answer.at("nextPageToken")), "");
}

TEST_F(HistoryApiTest, ComesInPages) {
  std::vector<std::string> words;
  std::string token;
  int pages = 0;
  do {
    const boost::json::value page =
        server_.Get(absl::StrCat("/api/rooms/r/history?pageSize=2&pageToken=", token)).Json();
    for (const auto& frame : page.at("frames").as_array()) words.push_back(WordOf(frame));
    token = TextOf(page.at("nextPageToken"));
    ++pages;
    // What happens meanwhile comes last.
    if (pages == 1) server_.Post("/api/rooms/r/emit", R"({"event":"late"})");
  } while (!token.empty() && pages < 10);
  EXPECT_EQ(pages, 4);
  EXPECT_THAT(words, ElementsAre("member@1", "event@2", "patch@3", "event@5", "event@6", "member@7", "event@8"));
}

TEST_F(HistoryApiTest, RefusesWhatItDoesNotHave) {
  const auto refusal = [this](const std::string& path) {
    const HttpReply reply = server_.Get(path);
    return absl::StrCat(reply.status, " ", TextOf(reply.Json().at("message")));
  };
  const std::string history = "/api/rooms/r/history?";
  EXPECT_THAT(refusal(history + "since.epoch=another&since.offset=1"), HasSubstr("400 What follows this position"));
  EXPECT_THAT(refusal(absl::StrCat(history, "since.epoch=", epoch_, "&since.offset=99")),
              HasSubstr("400 What follows"));
  EXPECT_EQ(server_.Get(history + "since.epoch=another").Json().at("code").to_number<int>(), 11);
  EXPECT_THAT(refusal(history + "pageToken=%21"), HasSubstr("400 pageToken: must be a nextPageToken"));
  EXPECT_THAT(refusal(history + "pageToken=YWJj"), HasSubstr("400 pageToken: must be a nextPageToken"));
  EXPECT_THAT(refusal(history + "pageSize=-1"), HasSubstr("400 pageSize: must not be negative"));
  EXPECT_THAT(refusal("/api/rooms/bad%20id/history"), HasSubstr("400 Invalid room name"));
  EXPECT_THAT(refusal("/api/rooms/absent/history"), HasSubstr("404 Room 'absent' not found"));
}

}  // namespace
}  // namespace atrium
