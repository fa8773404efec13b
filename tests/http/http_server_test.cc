#include "server/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/http/http_server_fixture.h"
#include "tests/http/raw_client.h"
#include "tests/support/eventually.h"

namespace atrium {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(HttpServerTest, ServesRest) {
  Start();
  const std::string response = Ask(Post("/api/rooms/tech/emit", R"({"event":"e","data":[1]})"));
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nX-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(response, EndsWith(R"({"success":false,"event":"","notified":0,"roomId":""})"));
  EXPECT_EQ(rpcs_.last_call(), R"(RoomService.Emit {"roomId":"tech","event":"e"} [1])");
  EXPECT_EQ(server_->Counts().responses[2], 1);
}

TEST_F(HttpServerTest, AnswersErrorsAsJson) {
  Start();
  EXPECT_THAT(Get("/nothing"), testing::AllOf(StartsWith("HTTP/1.1 404 Not Found\r\n"), HasSubstr(R"({"code":5,)")));
  const std::string response = Ask("PUT /api/rooms/a/emit HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nAllow: POST\r\n"));
  EXPECT_EQ(server_->Counts().responses[4], 2);
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  Start();
  rpcs_.Hold();
  RawClient client(server_->port());
  client.Send(Post("/api/rooms/tech/emit", "{}") + "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" +
              "GET /api/rooms HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(rpcs_.AwaitHeld(1));
  rpcs_.Release();
  EXPECT_THAT(client.ReadResponse(), HasSubstr("notified"));
  EXPECT_THAT(client.ReadResponse(), EndsWith("\r\n\r\nok"));
  EXPECT_THAT(client.ReadToEnd(), HasSubstr("nextPageToken"));
}

TEST_F(HttpServerTest, KeepsAConnectionUntilItIsToldToClose) {
  Start();
  RawClient client(server_->port());
  for (int i = 0; i < 3; ++i) {
    client.Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(client.ReadResponse(), HasSubstr("\r\nConnection: keep-alive\r\nKeep-Alive: timeout=75\r\n"));
  }
  client.Send("GET /healthz HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.ReadToEnd(), testing::AllOf(HasSubstr("\r\nConnection: close\r\n"), Not(HasSubstr("Keep-Alive"))));
}

TEST_F(HttpServerTest, TellsHowLongItKeepsAConnectionInWholeSeconds) {
  for (const auto& [timeout, header] : {std::pair(absl::Milliseconds(2700), "\r\nKeep-Alive: timeout=2\r\n"),
                                        {absl::Milliseconds(900), "keep-alive\r\n\r\n"}}) {
    HttpOptions options;
    options.limits.idle_timeout = timeout;
    Start(options);
    EXPECT_THAT(Get("/healthz"), HasSubstr(header));
  }
}

TEST_F(HttpServerTest, NamesItsAddress) {
  Start();
  EXPECT_EQ(server_->address(), absl::StrCat("127.0.0.1:", server_->port()));
}

TEST_F(HttpServerTest, TakesTheTargetOfAProxy) {
  Start();
  EXPECT_THAT(Ask("GET http://x:80/healthz HTTP/1.1\r\nHost: x\r\n\r\n"), EndsWith("ok"));
  EXPECT_THAT(Ask("GET http://x?/healthz HTTP/1.1\r\nHost: x\r\n\r\n"), EndsWith("<p>demo</p>"));
  EXPECT_THAT(Ask("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 404"));
}

TEST_F(HttpServerTest, EndsTheConnectionAtATargetThatIsNone) {
  Start();
  const std::string behind = " HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  for (const auto& [line, refusal] : {std::pair("GET http://x#/healthz", "HTTP/1.1 400 "),
                                      {"GET q://x/healthz", "HTTP/1.1 400 "},
                                      {"GET http://u@x/healthz", "HTTP/1.1 400 "},
                                      {"GET *", "HTTP/1.1 400 "},
                                      {"CONNECT x:80", "HTTP/1.1 501 "}}) {
    RawClient client(server_->port());
    client.Send(line + behind);
    EXPECT_THAT(client.ReadToEnd(),
                testing::AllOf(StartsWith(refusal), HasSubstr("\r\nConnection: close\r\n"), Not(HasSubstr(" 200 "))))
        << line;
  }
}

TEST_F(HttpServerTest, AnswersProbes) {
  Start();
  EXPECT_THAT(Get("/healthz"), EndsWith("\r\n\r\nok"));
  EXPECT_THAT(Get("/text"), testing::AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("text/plain"), EndsWith("a text\n")));
  EXPECT_THAT(Get("/unavailable"), testing::AllOf(StartsWith("HTTP/1.1 503"), EndsWith("not now")));
  for (const std::string path : {"/healthz", "/text"}) {
    EXPECT_THAT(Get(path + "?a=%41"), StartsWith("HTTP/1.1 200")) << path;
    EXPECT_THAT(Get(path + "?%zz"), testing::AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("INVALID_QUERY"))) << path;
  }
  EXPECT_THAT(Ask(Post("/text", "")), testing::AllOf(StartsWith("HTTP/1.1 405"), HasSubstr("Allow: GET, HEAD")));
}

TEST_F(HttpServerTest, TakesOnlyNamesOfThisMachineWhereThatIsAskedFor) {
  origins_ = Origins::Loopback();
  Start();
  const auto status = [this](const std::string& headers) {
    return Ask(absl::StrCat("GET /healthz HTTP/1.1\r\n", headers, "\r\n")).substr(9, 3);
  };
  EXPECT_EQ(status("Host: localhost:8080\r\nOrigin: http://127.0.0.1:3000\r\n"), "200");
  EXPECT_EQ(status("Host: rebound.example\r\n"), "403");
  EXPECT_EQ(status("Host: localhost\r\nOrigin: https://evil.example\r\n"), "403");
  EXPECT_EQ(status("Host: localhost\r\nOrigin: http://localhost\r\nOrigin: https://evil.example\r\n"), "403");
}

TEST_F(HttpServerTest, LetsPagesOfListedOriginsReadAnswers) {
  origins_ = *Origins::Parse("origins", "https://app.example.com");
  Start();
  const auto get = [this](absl::string_view method, const std::string& headers) {
    return Ask(absl::StrCat(method, " /healthz HTTP/1.1\r\nHost: a\r\n", headers, "\r\n"));
  };
  const std::string from_page = "Origin: https://app.example.com\r\n";
  EXPECT_THAT(
      get("GET", from_page),
      testing::AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("Access-Control-Allow-Origin: https://app.example.com\r\n"),
                     HasSubstr("Vary: Origin\r\n"), Not(HasSubstr("Credentials"))));
  EXPECT_THAT(get("GET", ""), Not(HasSubstr("Access-Control")));
  EXPECT_THAT(get("GET", "Origin: https://evil.example\r\n"),
              testing::AllOf(StartsWith("HTTP/1.1 403"), Not(HasSubstr("Access-Control"))));
  const std::string preflight = get("OPTIONS", from_page + "Access-Control-Request-Method: PATCH\r\n");
  EXPECT_THAT(preflight,
              testing::AllOf(StartsWith("HTTP/1.1 204"), HasSubstr("Allow-Methods: GET, POST, PATCH, DELETE"),
                             HasSubstr("Allow-Headers: Authorization, Content-Type, Last-Event-ID")));
}

TEST_F(HttpServerTest, ServesPages) {
  Start();
  const std::string page = Get("/?query");
  EXPECT_THAT(page, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(page, HasSubstr("\r\nContent-Type: text/html; charset=utf-8\r\n"));
  EXPECT_THAT(page, HasSubstr("\r\nContent-Security-Policy: default-src 'self';"));
  EXPECT_THAT(page, HasSubstr("\r\nCache-Control: no-cache\r\n"));
  EXPECT_THAT(page, EndsWith("<p>demo</p>"));
  EXPECT_THAT(Get("/assets/main-1a2b.js"), HasSubstr("immutable"));

  const size_t tag = page.find("ETag: ") + 6;
  const std::string etag = page.substr(tag, page.find("\r\n", tag) - tag);
  const std::string unchanged = Get("/", absl::StrCat("If-None-Match: ", etag, "\r\n"));
  EXPECT_THAT(unchanged, StartsWith("HTTP/1.1 304"));
  EXPECT_THAT(unchanged, Not(HasSubstr("demo")));
  EXPECT_THAT(Get("/", "If-None-Match: \"other\"\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, AnswersHeadWithoutBody) {
  Start();
  RawClient client(server_->port());
  client.Send("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.ReadToEnd(),
              testing::AllOf(HasSubstr("\r\nContent-Length: 11\r\n"), EndsWith("\r\n\r\n"), Not(HasSubstr("demo"))));
}

TEST_F(HttpServerTest, RefusesWhatIsNotHttp) {
  Start();
  for (const char* const request :
       {"nonsense\r\n\r\n", "GET / HTTP/1.12\r\n\r\n", "GET / HTTPS/1.2\r\n\r\n", "GET /\x01 HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nbad header\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"}) {
    EXPECT_THAT(Ask(request), testing::AllOf(StartsWith("HTTP/1.1 400 Bad Request\r\n"), HasSubstr(R"({"code":3,)")))
        << request;
  }
  EXPECT_THAT(Get("/", "Long: " + std::string(20'000, 'a') + "\r\n"), StartsWith("HTTP/1.1 431"));
}

TEST_F(HttpServerTest, SaysThatItDoesNotSpeakAnotherVersion) {
  Start();
  for (const char* const version : {"1.2", "2.0", "9.9"}) {
    RawClient client(server_->port());
    client.Send(absl::StrCat("GET /healthz HTTP/", version, "\r\nHost: x\r\n\r\n"));
    EXPECT_THAT(client.ReadToEnd(),
                testing::AllOf(StartsWith("HTTP/1.1 505 HTTP Version Not Supported\r\n"),
                               HasSubstr("\r\nConnection: close\r\n"), HasSubstr("HTTP_VERSION_NOT_SUPPORTED")))
        << version;
  }
}

TEST_F(HttpServerTest, SkipsEmptyLinesBeforeARequest) {
  Start();
  const std::string get = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  RawClient client(server_->port());
  client.Send("\r\n" + get);
  EXPECT_THAT(client.ReadResponse(), EndsWith("\r\n\r\nok"));
  // What some clients put behind a body.
  client.Send(Post("/api/rooms/tech/emit", "{}") + "\r\n");
  EXPECT_THAT(client.ReadResponse(), StartsWith("HTTP/1.1 200"));
  client.Send(get + "\r\n\r\n" + get);
  EXPECT_THAT(client.ReadResponse(), EndsWith("\r\n\r\nok"));
  EXPECT_THAT(client.ReadResponse(), EndsWith("\r\n\r\nok"));
  client.Send("\r");
  client.Send("\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n" + get);
  EXPECT_THAT(client.ReadResponse(), EndsWith("\r\n\r\nok"));

  for (const std::string junk : {"\n", "\r", " \r\n", "\r\n\n", "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"}) {
    EXPECT_THAT(Ask(junk + get), StartsWith("HTTP/1.1 400")) << testing::PrintToString(junk);
  }
}

TEST_F(HttpServerTest, StopsAccepting) {
  Start();
  RawClient client(server_->port());
  client.Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  client.ReadResponse();
  server_->StopAccepting();
  EXPECT_TRUE(Eventually([this] { return !RawClient(server_->port()).connected(); }));
  client.Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.ReadToEnd(), HasSubstr("\r\nConnection: close\r\n"));
}

TEST_F(HttpServerTest, ClosesItsConnectionsWhenDestroyed) {
  Start();
  rpcs_.Hold();
  RawClient silent(server_->port());
  RawClient idle(server_->port());
  RawClient waiting(server_->port());
  idle.Send("GET /heal");
  waiting.Send("GET /api/rooms HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(rpcs_.AwaitHeld(1));
  const absl::Time start = absl::Now();
  server_.reset();
  EXPECT_EQ(silent.ReadToEnd(), "");
  EXPECT_EQ(idle.ReadToEnd(), "");
  EXPECT_LT(absl::Now() - start, absl::Seconds(5)) << "that was its timeout";
  rpcs_.Release();
  EXPECT_EQ(waiting.ReadToEnd(), "");
}

TEST_F(HttpServerTest, DoesNotStartAtABadAddress) {
  Start();
  for (const std::string& address :
       {std::string("nowhere"), std::string("127.0.0.1:x"), absl::StrCat("127.0.0.1:", server_->port())}) {
    HttpHandlers handlers{.rpcs = rpcs_.table(), .streams = rpcs_.streams(), .services = AllServices()};
    const auto second =
        HttpServer::Create({.address = address}, std::move(handlers), {shards_[0].get()}, log_, refusals_);
    ASSERT_FALSE(second.ok());
    EXPECT_THAT(std::string(second.status().message()), HasSubstr(address));
  }
}

}  // namespace
}  // namespace atrium
