// Lists of rooms, members and sessions, and the end of a session by a service.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tests/support/grpc_stubs.h"
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

std::vector<std::string> Ids(const boost::json::value& page) {
  std::vector<std::string> ids;
  for (const auto& room : page.at("rooms").as_array()) ids.emplace_back(TextOf(room.at("id")));
  return ids;
}

std::string PercentEncode(absl::string_view text) {
  std::string encoded;
  for (const unsigned char c : text) absl::StrAppendFormat(&encoded, "%%%02X", c);
  return encoded;
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

// AIP-158: a token is one that the server gave out, for the same request.
TEST_F(ListingTest, RefusesATokenThatWasNotGivenOut) {
  const auto stub = v1::RoomService::NewStub(GrpcChannel(server_.grpc_port()));
  for (const char* room : {"a", "b", "c"}) server_.Call("PATCH", absl::StrCat("/api/rooms/", room, "/state"), "{}");
  const std::string token = TextOf(server_.Get("/api/rooms?pageSize=1").Json().at("nextPageToken"));
  const std::string filtered =
      TextOf(server_.Get("/api/rooms?pageSize=1&filter=" + PercentEncode("id >= a")).Json().at("nextPageToken"));
  // `YQ` is `a` in base64.
  for (const std::string& bad : {std::string("zz"), std::string("YQ"), std::string("a"), filtered}) {
    for (const char* const list : {"/api/rooms", "/api/rooms/a/members", "/api/rooms/a/history", "/api/sessions"}) {
      const HttpReply reply = server_.Get(absl::StrCat(list, "?pageToken=", bad));
      EXPECT_EQ(reply.status, 400) << list << " " << bad;
      EXPECT_THAT(reply.body, testing::HasSubstr(R"("field":"pageToken")")) << list << " " << bad;
    }
    v1::ListRoomsRequest request;
    request.set_page_token(bad);
    v1::ListRoomsResponse response;
    const grpc::Status status = CallGrpc(*stub, &v1::RoomService::Stub::ListRooms, request, response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << bad;
    EXPECT_THAT(status.error_message(), testing::HasSubstr("pageToken")) << bad;
  }
  EXPECT_EQ(server_.Get("/api/rooms/a/members?pageToken=" + token).status, 400);
  EXPECT_EQ(server_.Get(absl::StrCat("/api/rooms?filter=locked=true&pageToken=", token)).status, 400);
  EXPECT_EQ(server_.Get(absl::StrCat("/api/rooms?pageSize=1000&pageToken=", token)).status, 200);
}

TEST_F(ListingTest, RefusesATokenOfAHistoryBehindAnotherPosition) {
  const std::string history = "/api/rooms/a/history?pageSize=1";
  std::string epoch;
  for (int i = 0; i < 4; ++i) {
    const HttpReply reply = server_.Call("PATCH", "/api/rooms/a/state", absl::StrCat(R"({"n":)", i, "}"));
    epoch = TextOf(reply.Json().at("position").at("epoch"));
  }
  const auto since = [&](int offset) { return absl::StrCat("&since.epoch=", epoch, "&since.offset=", offset); };
  const auto token_of = [&](const std::string& query) {
    return absl::StrCat("&pageToken=", TextOf(server_.Get(history + query).Json().at("nextPageToken")));
  };
  const std::string all = token_of(""), behind = token_of(since(1));
  for (const std::string& other : {all + since(1), behind, behind + since(2), behind + "&since.offset=1"}) {
    const HttpReply reply = server_.Get(history + other);
    EXPECT_EQ(reply.status, 400) << other;
    EXPECT_THAT(reply.body, testing::HasSubstr(R"("field":"pageToken")")) << other;
  }
  for (const std::string& same : {all, behind + since(1), since(1) + token_of(behind + since(1))}) {
    EXPECT_EQ(server_.Get(history + same).status, 200) << same;
  }
  const boost::json::value second = server_.Get(history + behind + since(1)).Json();
  ASSERT_EQ(second.at("frames").as_array().size(), 1u);
  EXPECT_EQ(TextOf(second.at("frames").at(0).at("patch").at("offset")), "3");
}

TEST_F(ListingTest, GoesOnBehindARoomThatIsGone) {
  for (const char* room : {"a", "b", "c"}) server_.Call("PATCH", absl::StrCat("/api/rooms/", room, "/state"), "{}");
  const boost::json::value first = server_.Get("/api/rooms?pageSize=2").Json();
  EXPECT_THAT(Ids(first), ElementsAre("a", "b"));
  ASSERT_EQ(server_.Call("DELETE", "/api/rooms/b").status, 200);
  EXPECT_THAT(Ids(server_.Get("/api/rooms?pageToken=" + TextOf(first.at("nextPageToken"))).Json()), ElementsAre("c"));
}

// A filter and the ids that it finds: of room 123, whose version is the text "007", and of room lobby, whose version is
// the number 7.
TEST_F(ListingTest, ReadsLiteralsByTheFieldsTypeOnEachDoor) {
  for (const char* room : {"123", "lobby"}) server_.Call("PATCH", absl::StrCat("/api/rooms/", room, "/state"), "{}");
  server_.Call("PATCH", "/api/rooms/123", R"({"metadata":{"version":"007","my key":{"a.b":true}}})");
  server_.Call("PATCH", "/api/rooms/lobby", R"({"metadata":{"version":7,"my-key":"1e3"}})");
  const struct {
    const char* filter;
    std::vector<std::string> ids;
  } cases[] = {
      {"id = 123", {"123"}},
      {"id != 123", {"lobby"}},
      {"id = 0123", {}},
      {"metadata.version = 007", {"123"}},
      {"metadata.version = \"007\"", {"123"}},
      {"metadata.version = 7", {"lobby"}},
      {"metadata.version != 7", {"123"}},
      {"metadata.my-key = 1e3", {"lobby"}},
      {"metadata.\"my-key\" = 1000", {}},
      {"metadata.\"my key\".'a.b' = true", {"123"}},
      {"member_count = 0 AND -locked = true", {"123", "lobby"}},
  };
  const auto stub = v1::RoomService::NewStub(GrpcChannel(server_.grpc_port()));
  for (const auto& c : cases) {
    EXPECT_THAT(Ids(server_.Get("/api/rooms?filter=" + PercentEncode(c.filter)).Json()), ElementsAreArray(c.ids))
        << c.filter;
    v1::ListRoomsRequest request;
    request.set_filter(c.filter);
    v1::ListRoomsResponse response;
    EXPECT_TRUE(CallGrpc(*stub, &v1::RoomService::Stub::ListRooms, request, response).ok());
    std::vector<std::string> ids;
    for (const v1::Room& room : response.rooms()) ids.push_back(room.id());
    EXPECT_THAT(ids, ElementsAreArray(c.ids)) << c.filter;
  }
}

TEST_F(ListingTest, RefusesALiteralThatItsFieldCannotBe) {
  const auto stub = v1::RoomService::NewStub(GrpcChannel(server_.grpc_port()));
  const struct {
    const char* filter;
    const char* place;
  } cases[] = {
      {"member_count = \"0\"", "byte 15"},    {"member_count > abc", "byte 15"}, {"member_count > 1e400", "byte 15"},
      {"member_count = 0x0", "byte 15"},      {"member_count = +0", "byte 15"},  {"max_members < 1_000", "byte 14"},
      {"max_members < NaN", "byte 14"},       {"member_count = 00", "byte 15"},  {"locked = TRUE", "byte 9"},
      {"id = x AND unlisted = 0", "byte 22"}, {"metadata.\"a = 1", "byte 9"}};
  for (const auto& c : cases) {
    const HttpReply reply = server_.Get("/api/rooms?filter=" + PercentEncode(c.filter));
    EXPECT_EQ(reply.status, 400) << c.filter;
    EXPECT_THAT(reply.body, testing::HasSubstr(c.place)) << c.filter;
    v1::ListRoomsRequest request;
    request.set_filter(c.filter);
    v1::ListRoomsResponse response;
    const grpc::Status status = CallGrpc(*stub, &v1::RoomService::Stub::ListRooms, request, response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << c.filter;
    EXPECT_THAT(status.error_message(), testing::HasSubstr(c.place)) << c.filter;
  }
}

// All pages of a list over gRPC, by a client with gRPC's default limits.
template <typename Request, typename Response>
std::vector<Response> AllPages(const TestServer& server,
                               grpc::Status (v1::RoomService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                             Response*),
                               Request request) {
  const auto stub = v1::RoomService::NewStub(GrpcChannel(server.grpc_port()));
  std::vector<Response> pages;
  do {
    const grpc::Status status = CallGrpc(*stub, method, request, pages.emplace_back());
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_LE(pages.back().ByteSizeLong(), size_t{1100} << 10);
    request.set_page_token(pages.back().next_page_token());
  } while (!request.page_token().empty());
  return pages;
}

// As JSON, what is listed is a fraction of what it is as protobuf.
std::string Ones(int count) { return absl::StrCat("[1", absl::StrJoin(std::vector<std::string>(count), ",1"), "]"); }

TEST_F(ListingTest, EndsPagesOfLargeRoomsEarly) {
  constexpr int kRooms = 250;
  const std::string metadata = absl::StrCat(R"({"metadata":{"numbers":)", Ones(1900), "}}");
  for (int i = 0; i < kRooms; ++i) {
    server_.Call("PATCH", absl::StrCat("/api/rooms/room-", i, "/state"), "{}");
    ASSERT_EQ(server_.Call("PATCH", absl::StrCat("/api/rooms/room-", i), metadata).status, 200);
  }
  v1::ListRoomsRequest request;
  request.set_page_size(1000);
  std::vector<std::string> ids;
  const auto pages = AllPages(server_, &v1::RoomService::Stub::ListRooms, request);
  for (const v1::ListRoomsResponse& page : pages) {
    for (const v1::Room& room : page.rooms()) ids.push_back(room.id());
  }
  EXPECT_GE(pages.size(), 4u);
  EXPECT_THAT(ids, SizeIs(kRooms));
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
  EXPECT_EQ(server_.Get("/api/rooms/stats").Json().at("rooms").at("rooms").as_object().size(), size_t{kRooms});
}

TEST_F(ListingTest, EndsPagesOfLargeFramesEarly) {
  TestClient member(server_, Door::kJson);
  member.Join("geral");
  for (int i = 0; i < 15; ++i) {
    ASSERT_EQ(server_.Post("/api/rooms/geral/emit", absl::StrCat(R"({"event":"e","data":)", Ones(30000), "}")).status,
              200);
  }
  v1::GetHistoryRequest request;
  request.set_room_id("geral");
  std::vector<uint64_t> offsets;
  const auto pages = AllPages(server_, &v1::RoomService::Stub::GetHistory, request);
  for (const v1::GetHistoryResponse& page : pages) {
    for (const v1::ServerFrame& frame : page.frames()) {
      if (frame.has_event()) offsets.push_back(frame.event().offset());
    }
  }
  EXPECT_GE(pages.size(), 4u);
  ASSERT_THAT(offsets, SizeIs(15));
  for (size_t i = 1; i < offsets.size(); ++i) EXPECT_EQ(offsets[i], offsets[0] + i);
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
