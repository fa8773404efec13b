// The shapes of the REST API, and its refusals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/gzip.h"
#include "tests/support/http_client.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

// A whole second has no fraction.
constexpr char kTime[] = "20[0-9-]+T[0-9:]+(\\.[0-9]{3})?Z";

class RestTest : public testing::Test {
 protected:
  // The text of its body is matched, so that the order and spelling of every field counts.
  std::string Post(const std::string& path, const std::string& json) {
    const HttpReply reply = server_.Post(path, json);
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.headers.at("content-type"), "application/json");
    return reply.body;
  }

  // What a refusal says, as "code reason field: message".
  static std::string Refusal(const HttpReply& reply) {
    EXPECT_EQ(reply.headers.at("content-type"), "application/json");
    const boost::json::value status = reply.Json();
    const auto& details = status.at("details").as_array();
    EXPECT_EQ(details.at(0).at("@type"), "type.googleapis.com/google.rpc.ErrorInfo");
    EXPECT_EQ(details.at(0).at("domain"), "atrium");
    std::string text = absl::StrCat(status.at("code").as_int64(), " ", TextOf(details.at(0).at("reason")));
    if (details.size() > 1) {
      EXPECT_EQ(details.at(1).at("@type"), "type.googleapis.com/google.rpc.BadRequest");
      absl::StrAppend(&text, " ", TextOf(details.at(1).at("fieldViolations").at(0).at("field")));
    }
    return absl::StrCat(text, ": ", TextOf(status.at("message")));
  }

  TestServer server_;
};

TEST_F(RestTest, PostsAMessage) {
  EXPECT_THAT(
      Post("/api/rooms/geral/messages", R"({"user":"Ana","text":"olá"})"),
      MatchesRegex(absl::StrCat(R"(\{"success":true,"message":\{"id":"api-[0-9]+-[0-9a-f]+","user":"Ana",)",
                                R"("text":"olá","timestamp":")", kTime, R"("\},"notified":0,"roomId":"geral"\})")));
  // An absent room is not created by it.
  EXPECT_EQ(server_.Get("/api/rooms/geral").status, 404);
}

TEST_F(RestTest, NamesTheBotWhenNobodyIsNamed) {
  EXPECT_THAT(Post("/api/rooms/geral/messages", R"({"text":"x"})"), HasSubstr(R"("user":"API Bot")"));
}

TEST_F(RestTest, EmitsAnEvent) {
  EXPECT_EQ(Post("/api/rooms/tech/emit", R"({"event":"deploy","data":{"version":"1.2"}})"),
            R"({"success":true,"event":"deploy","notified":0,"roomId":"tech"})");
  TestClient ana(server_, Door::kJson);
  const std::string epoch = ana.Join("tech").join().position().epoch();
  EXPECT_EQ(Post("/api/rooms/tech/emit", R"({"event":"deploy","data":{"version":"1.2"}})"),
            absl::StrCat(R"({"success":true,"event":"deploy","notified":1,"roomId":"tech","position":{"epoch":")",
                         epoch, R"(","offset":"2"}})"));
  EXPECT_EQ(JsonText(ana.WaitForEvent("tech", "deploy").data()), R"({"version":"1.2"})");
}

TEST_F(RestTest, PostsAMessageAsTheEventItAnswersWith) {
  TestClient ana(server_, Door::kProto);
  ana.Join("geral");
  const boost::json::value answer = server_.Post("/api/rooms/geral/messages", R"({"text":"x"})").Json();
  const auto fields = ana.WaitForEvent("geral", "message:new").data().struct_value().fields();
  EXPECT_EQ(fields.at("id").string_value(), TextOf(answer.at("message").at("id")));
  EXPECT_EQ(fields.at("user").string_value(), "API Bot");
  EXPECT_EQ(fields.at("timestamp").string_value(), TextOf(answer.at("message").at("timestamp")));
}

TEST_F(RestTest, CountsRooms) {
  EXPECT_EQ(server_.Get("/api/rooms/stats").body, R"({"success":true,"rooms":{"totalRooms":0,"rooms":{}}})");
  TestClient ana(server_, Door::kJson);
  ana.Join("geral");
  server_.Call("PATCH", "/api/rooms/tech/state", "{}");
  EXPECT_THAT(server_.Get("/api/rooms/stats").body,
              MatchesRegex(absl::StrCat(R"(\{"success":true,"rooms":\{"totalRooms":2,"rooms":\{)",
                                        R"("geral":\{"members":1,"createdAt":")", kTime, R"(","lastActivity":")", kTime,
                                        R"("\},"tech":\{"members":0,"createdAt":")", kTime, R"(","lastActivity":")",
                                        kTime, R"("\}\}\}\})")));
}

TEST_F(RestTest, DescribesARoomWithItsZeros) {
  server_.Call("PATCH", "/api/rooms/geral/state", "{}");
  EXPECT_THAT(server_.Get("/api/rooms/geral").body,
              MatchesRegex(absl::StrCat(R"(\{"id":"geral","type":"","memberCount":0,"maxMembers":0,"createTime":")",
                                        kTime, R"(","lastActivityTime":")", kTime,
                                        R"(","position":\{"epoch":"[0-9a-f]+","offset":"0"\},"locked":false,)",
                                        R"("unlisted":false,"metadata":\{\}\})")));
  EXPECT_THAT(server_.Get("/api/rooms/geral/state").body,
              MatchesRegex(R"(\{"state":\{\},"position":\{"epoch":"[0-9a-f]+","offset":"0"\}\})"));
  EXPECT_EQ(server_.Get("/api/rooms/geral/members").body, R"({"members":[],"nextPageToken":""})");
}

TEST_F(RestTest, TakesTheStateAsItsBody) {
  EXPECT_THAT(server_.Call("PATCH", "/api/rooms/geral/state", R"({"state":{"a":1},"n":null})").body,
              MatchesRegex(R"(\{"position":\{"epoch":"[0-9a-f]+","offset":"1"\}\})"));
  EXPECT_THAT(server_.Get("/api/rooms/geral/state").body, HasSubstr(R"("state":{"state":{"a":1}})"));
  const HttpReply merge_patch =
      CallHttp(server_.http_port(), {.method = "PATCH",
                                     .path = "/api/rooms/geral/state",
                                     .headers = {{"Content-Type", "application/merge-patch+json"}},
                                     .body = R"({"state":null})"});
  EXPECT_EQ(merge_patch.status, 200);
  EXPECT_THAT(server_.Get("/api/rooms/geral/state").body, HasSubstr(R"("state":{},)"));
}

TEST_F(RestTest, DoesOneRequestForAKeyWhateverItsVerb) {
  const std::string emit = R"({"event":"e","idempotencyKey":"k"})";
  server_.Call("PATCH", "/api/rooms/geral/state", "{}");
  const std::string emitted = Post("/api/rooms/geral/emit", emit);
  for (const HttpReply& reply : {server_.Post("/api/rooms/geral/messages", R"({"text":"m","idempotencyKey":"k"})"),
                                 server_.Call("PATCH", "/api/rooms/geral/state?idempotencyKey=k", R"({"a":1})"),
                                 server_.Post("/api/rooms/geral/emit", R"({"event":"other","idempotencyKey":"k"})")}) {
    EXPECT_EQ(reply.status, 400);
    EXPECT_THAT(Refusal(reply), HasSubstr("idempotencyKey: "));
  }
  EXPECT_EQ(Post("/api/rooms/geral/emit", emit), emitted);
  EXPECT_THAT(server_.Get("/api/rooms/geral/state").body, HasSubstr(R"("state":{},)"));
  EXPECT_EQ(server_.Call("PATCH", "/api/rooms/other/state?idempotencyKey=k", "{}").status, 200) << "another room";

  // SendMessage posts to a chat by the method that a service may call too.
  const std::string post = R"({"user":"ci","text":"m","idempotencyKey":"k"})";
  const std::string posted = Post("/api/rooms/chat:lobby/messages", post);
  const HttpReply called =
      server_.Call("POST", "/api/rooms/chat:lobby/methods/addMessage?idempotencyKey=k", R"({"user":"ci","text":"m"})");
  EXPECT_EQ(called.status, 400);
  EXPECT_EQ(Post("/api/rooms/chat:lobby/messages", post), posted);
  const boost::json::value state = server_.Get("/api/rooms/chat:lobby/state").Json();
  EXPECT_EQ(state.at("state").at("messages").as_array().size(), 1u);
}

TEST_F(RestTest, NamesAnUnknownField) {
  const HttpReply reply = server_.Post("/api/rooms/geral/emit", R"({"event":"x","txt":1})");
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(Refusal(reply), "3 INVALID_FIELD txt: txt: unknown field");
}

TEST_F(RestTest, NamesAMistypedField) {
  const HttpReply text = server_.Post("/api/rooms/geral/messages", R"({"text":7})");
  EXPECT_EQ(text.status, 400);
  EXPECT_EQ(Refusal(text), "3 INVALID_FIELD text: text: must be a string");
  EXPECT_EQ(Refusal(server_.Post("/api/rooms/geral/messages", R"({"text":""})")),
            "3 INVALID_FIELD text: text: must have 1 to 1000 characters");
  EXPECT_EQ(Refusal(server_.Get("/api/rooms?pageSize=x")).substr(0, 24), "3 INVALID_FIELD pageSize");
  EXPECT_EQ(Refusal(server_.Get("/api/rooms?page=1")), "3 INVALID_FIELD page: page: unknown query parameter");
  EXPECT_EQ(Refusal(server_.Call("PATCH", "/api/rooms/geral/state", "[1]")).substr(0, 21), "3 INVALID_FIELD state");
}

TEST_F(RestTest, RefusesBrokenJson) {
  for (const std::string body : {"{", "", "nothing", R"({"event":"x"} x)", "{\"event\":\"\xff\"}"}) {
    const HttpReply reply = server_.Post("/api/rooms/geral/emit", body);
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_EQ(reply.Json().at("code"), 3) << body;
  }
  EXPECT_THAT(Refusal(server_.Post("/api/rooms/geral/emit", "{\"event\"")), HasSubstr("3 INVALID_JSON: "));
}

TEST_F(RestTest, CountsTextInCharacters) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "é";
  EXPECT_EQ(server_.Post("/api/rooms/geral/messages", absl::StrCat(R"({"text":")", text, R"("})")).status, 200);
  EXPECT_EQ(server_.Post("/api/rooms/geral/messages", absl::StrCat(R"({"text":")", text, R"(x"})")).status, 400);
}

TEST_F(RestTest, RefusesABadRoomName) {
  for (const std::string name : {"a%20b", "%2e%2e", "a%2Fb", "caf%C3%A9"}) {
    const HttpReply reply = server_.Get(absl::StrCat("/api/rooms/", name));
    EXPECT_EQ(reply.status, 400) << name;
    EXPECT_EQ(Refusal(reply),
              "3 INVALID_ROOM_NAME roomId: Invalid room name. Must be 1-64 alphanumeric characters, hyphens, "
              "underscores, dots, or colons.");
  }
  EXPECT_EQ(server_.Get(absl::StrCat("/api/rooms/", std::string(65, 'a'))).status, 400);
  EXPECT_EQ(server_.Get(absl::StrCat("/api/rooms/", std::string(64, 'a'))).status, 404);
  EXPECT_EQ(server_.Get("/api/rooms/a.b:c_d-E").status, 404);
}

TEST_F(RestTest, FindsNothing) {
  const HttpReply path = server_.Get("/api/nothing");
  EXPECT_EQ(path.status, 404);
  EXPECT_EQ(Refusal(path), "5 PATH_NOT_FOUND: nothing is served at this path");
  const HttpReply room = server_.Get("/api/rooms/geral");
  EXPECT_EQ(room.status, 404);
  EXPECT_EQ(Refusal(room), "5 ROOM_NOT_FOUND: Room 'geral' not found");
  EXPECT_EQ(Refusal(server_.Call("DELETE", "/api/rooms/geral/members/x")),
            "5 MEMBER_NOT_FOUND: 'x' is not a member of this room");
  EXPECT_EQ(Refusal(server_.Post("/api/rooms/geral/members", R"({"memberId":"x"})")),
            "5 SESSION_NOT_FOUND: Session 'x' not found");
  EXPECT_EQ(server_.Get("/api/rooms/geral").status, 404);
}

TEST_F(RestTest, TellsTheMethodsItAllows) {
  const HttpReply state = server_.Post("/api/rooms/geral/state", "{}");
  EXPECT_EQ(state.status, 405);
  EXPECT_EQ(state.headers.at("allow"), "PATCH, GET, HEAD");
  EXPECT_EQ(state.Json().at("code"), 12);
  EXPECT_EQ(server_.Call("DELETE", "/api/rooms/geral/emit").headers.at("allow"), "POST");
  EXPECT_EQ(CallHttp(server_.admin_port(), {.method = "POST", .path = "/metrics", .body = "{}"}).headers.at("allow"),
            "GET, HEAD");
}

TEST_F(RestTest, RefusesALargeBody) {
  const std::string large = absl::StrCat(R"({"text":")", std::string(1 << 20, 'x'), R"("})");
  const HttpReply reply = server_.Post("/api/rooms/geral/messages", large);
  EXPECT_EQ(reply.status, 413);
  EXPECT_THAT(Refusal(reply), HasSubstr("BODY_TOO_LARGE"));
}

TEST_F(RestTest, RefusesAnotherContentType) {
  const auto send = [&](const std::string& type) {
    return CallHttp(server_.http_port(), {.method = "POST",
                                          .path = "/api/rooms/geral/emit",
                                          .headers = {{"Content-Type", type}},
                                          .body = R"({"event":"x"})"});
  };
  const HttpReply form = send("application/x-www-form-urlencoded");
  EXPECT_EQ(form.status, 415);
  EXPECT_EQ(Refusal(form), "3 UNSUPPORTED_MEDIA_TYPE: the content type of the body must be application/json");
  EXPECT_EQ(send("application/merge-patch+json").status, 415);
  EXPECT_EQ(send("Application/JSON; charset=utf-8").status, 200);
}

TEST_F(RestTest, UnpacksABodyInGzip) {
  const auto send = [&](const std::string& coding, const std::string& body) {
    return CallHttp(server_.http_port(), {.method = "POST",
                                          .path = "/api/rooms/geral/messages",
                                          .headers = {{"Content-Encoding", coding}},
                                          .body = body});
  };
  const std::string json = R"({"text":"packed"})";
  for (const std::string coding : {"gzip", "GZip", "x-gzip"}) {
    const HttpReply reply = send(coding, Gzip(json));
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(TextOf(reply.Json().at("message").at("text")), "packed");
  }
  EXPECT_EQ(send("identity", json).status, 200);
  for (const std::string coding : {"br", "deflate", "gzip, gzip", "identity, gzip", "gzip;q=1"}) {
    const HttpReply reply = send(coding, Gzip(json));
    EXPECT_EQ(reply.status, 415) << coding;
    EXPECT_EQ(reply.headers.at("accept-encoding"), "gzip") << coding;
    EXPECT_THAT(Refusal(reply), HasSubstr("3 UNSUPPORTED_CONTENT_ENCODING: ")) << coding;
  }
  for (const std::string& body : {json, Gzip(json).substr(0, 20), Gzip(json) + "x"}) {
    const HttpReply reply = send("gzip", body);
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(Refusal(reply), "3 INVALID_GZIP: not a whole gzip (RFC 1952)");
  }
  const HttpReply bomb = send("gzip", Gzip(std::string(100'000'000, ' ')));
  EXPECT_EQ(bomb.status, 413);
  EXPECT_THAT(Refusal(bomb), HasSubstr("BODY_TOO_LARGE"));
}

TEST_F(RestTest, RefusesABrokenEscape) {
  for (const std::string path : {"/api/rooms/%zz", "/api/rooms/%4/state", "/api/rooms?filter=%"}) {
    const HttpReply reply = server_.Get(path);
    EXPECT_EQ(reply.status, 400) << path;
    EXPECT_THAT(Refusal(reply), HasSubstr("has a broken percent escape")) << path;
  }
}

TEST_F(RestTest, TellsThatItIsReady) {
  EXPECT_EQ(server_.Get("/healthz").body, "ok");
  EXPECT_EQ(server_.GetFromAdmin("/readyz").status, 200);
}

TEST_F(RestTest, CountsWhatItRefuses) {
  server_.Get("/api/nothing");
  server_.Post("/api/rooms/geral/emit", "{");
  EXPECT_TRUE(server_.MetricReaches("atrium_http_responses_total{status=\"4xx\"}", 2));
  EXPECT_THAT(server_.GetFromAdmin("/metrics").body, HasSubstr("atrium_build_info{version="));
}

}  // namespace
}  // namespace atrium
