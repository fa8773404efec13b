// Lists of rooms, members and sessions, and the end of a session by a service.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;
using testing::SizeIs;

// The ids of all elements of `list`, page by page.
std::vector<std::string> AllIds(const TestServer& server, const std::string& path, const std::string& list,
                                int page_size) {
  std::vector<std::string> ids;
  std::string token;
  do {
    const boost::json::value page =
        server.Get(absl::StrCat(path, "?pageSize=", page_size, "&pageToken=", token)).Json();
    const auto& elements = page.at(list).as_array();
    EXPECT_FALSE(elements.empty()) << "a page without need";
    EXPECT_LE(elements.size(), static_cast<size_t>(page_size));
    for (const auto& element : elements) ids.emplace_back(TextOf(element.at("id")));
    token = TextOf(page.at("nextPageToken"));
    EXPECT_TRUE(token.empty() || elements.size() == static_cast<size_t>(page_size));
  } while (!token.empty());
  return ids;
}

class ListingTest : public testing::Test {
 protected:
  TestServer server_;
};

TEST_F(ListingTest, ShowsRoomsInTheOrderOfTheirIds) {
  std::vector<std::string> rooms;
  for (int i = 0; i < 25; ++i) {
    rooms.push_back(absl::StrCat("room-", i * 7 % 25));
    server_.Call("PATCH", absl::StrCat("/api/rooms/", rooms.back(), "/state"), "{}");
  }
  std::sort(rooms.begin(), rooms.end());
  for (const int size : {1, 5, 7, 25, 100}) {
    EXPECT_THAT(AllIds(server_, "/api/rooms", "rooms", size), ElementsAreArray(rooms)) << size;
  }
}

TEST_F(ListingTest, ShowsMembersAndSessions) {
  std::vector<std::unique_ptr<TestClient>> clients;
  std::vector<std::string> ids;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(std::make_unique<TestClient>(server_, static_cast<Door>(i % 3), absl::StrCat("user-", i)));
    clients.back()->Join("geral");
    ids.push_back(clients.back()->id());
  }
  std::sort(ids.begin(), ids.end());
  for (const int size : {1, 5, 12, 100}) {
    EXPECT_THAT(AllIds(server_, "/api/rooms/geral/members", "members", size), ElementsAreArray(ids)) << size;
    EXPECT_THAT(AllIds(server_, "/api/sessions", "sessions", size), ElementsAreArray(ids)) << size;
  }
  const boost::json::value sessions = server_.Get("/api/sessions").Json();
  for (const auto& session : sessions.at("sessions").as_array()) {
    const auto& client = **std::find_if(clients.begin(), clients.end(),
                                        [&](const auto& c) { return TextOf(session.at("id")) == c->id(); });
    EXPECT_EQ(TextOf(session.at("userId")), client.welcome().user_id());
    EXPECT_EQ(session.at("roomIds").at(0), "geral");
    const std::string door = TextOf(session.at("client"));
    EXPECT_EQ(session.at("transport"), door == DoorName(Door::kJson)    ? "websocket-json"
                                       : door == DoorName(Door::kProto) ? "websocket-proto"
                                                                        : "grpc");
  }
}

TEST_F(ListingTest, RefusesABrokenPage) {
  EXPECT_EQ(server_.Get("/api/rooms?pageSize=-1").status, 400);
  EXPECT_EQ(server_.Get("/api/rooms?pageToken=%25%25").status, 400);
  EXPECT_EQ(server_.Get("/api/sessions?pageToken=%25").status, 400);
}

TEST_F(ListingTest, LosesTheSessionThatAServiceDisconnects) {
  TestClient watcher(server_, Door::kJson);
  watcher.Join("geral");
  for (const Door door : {Door::kJson, Door::kProto, Door::kGrpc}) {
    TestClient client(server_, door);
    client.Join("geral");
    EXPECT_EQ(server_.Call("DELETE", absl::StrCat("/api/sessions/", client.id(), "?reason=banned")).status, 200);
    const v1::Goodbye goodbye = client.WaitForGoodbye();
    EXPECT_EQ(goodbye.code(), 3503u);
    EXPECT_EQ(goodbye.reason(), "banned");
    constexpr int kAborted = 10;
    EXPECT_EQ(client.WaitForEnd(), door == Door::kGrpc ? kAborted : 3503);
    EXPECT_TRUE(client.frames().back().has_goodbye());
    watcher.WaitFor(
        [&](const v1::ServerFrame& frame) {
          return frame.member().left_size() == 1 && frame.member().left(0).member().id() == client.id() &&
                 frame.member().left(0).reason() == v1::LEAVE_REASON_DISCONNECT;
        },
        "the end of the disconnected session");
    EXPECT_EQ(server_.Call("DELETE", absl::StrCat("/api/sessions/", client.id())).status, 404);
  }
  EXPECT_EQ(server_.Metric("atrium_closes_total{code=\"3503\"}"), 3);
  EXPECT_EQ(server_.Call("DELETE", "/api/sessions/s9-x").status, 404);
}

}  // namespace
}  // namespace atrium
