// What browsers and proxies expect of server-sent events, and others of lines of JSON.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/integration/watching.h"
#include "tests/support/tcp_socket.h"
#include "tests/support/test_client.h"

namespace atrium {
namespace {

TEST(EventStreamTest, IsWhatBrowsersExpect) {
  const TestServer server({"--ping-interval=100ms", "--request-timeout=200ms"});
  HttpReader reader(server.http_port(), "r", Events());
  const auto& headers = reader.reply().headers;
  EXPECT_EQ(reader.reply().status, 200);
  EXPECT_EQ(headers.at("content-type"), "text/event-stream");
  EXPECT_EQ(headers.at("cache-control"), "no-cache");
  EXPECT_EQ(headers.at("x-accel-buffering"), "no");
  EXPECT_EQ(headers.at("transfer-encoding"), "chunked");
  const HttpReader::Frame snapshot = reader.Read().value();
  EXPECT_EQ(reader.heartbeats(), 1);
  EXPECT_EQ(reader.retry_ms(), 2000);
  EXPECT_EQ(snapshot.id, PositionId(snapshot.frame.snapshot().position()));
  EmitInto(server, "r", "wave", R"(,"volatile":true)");
  EmitInto(server, "r", "hello");
  EXPECT_EQ(reader.Read()->id, "") << "a volatile event is no position";
  EXPECT_EQ(reader.Read()->id, absl::StrCat(snapshot.frame.snapshot().position().epoch(), ":1"));
  // Longer than the request timeout, and it is still there.
  EXPECT_FALSE(reader.Read(absl::Seconds(1)).has_value());
  EXPECT_FALSE(reader.ended());
  EXPECT_GE(reader.heartbeats(), 4);
  EmitInto(server, "r", "again");
  EXPECT_EQ(reader.Read()->frame.event().event(), "again");
}

TEST(EventStreamTest, BeginsAnewForALastEventIdThatIsNoPosition) {
  const TestServer server;
  EXPECT_TRUE(HttpReader(server.http_port(), "r", Events()).Read().has_value());
  EmitInto(server, "r", "one");
  const auto is_anew = [&](const HttpReader::Options& options) {
    HttpReader reader(server.http_port(), "r", options);
    EXPECT_EQ(reader.reply().status, 200);
    const v1::Snapshot snapshot = reader.Read().value_or(HttpReader::Frame()).frame.snapshot();
    return snapshot.has_state() && !snapshot.recovered() && snapshot.position().offset() == 1;
  };
  for (const char* const id : {"42", "what?", ":4", ":", "e:-1", "e:18446744073709551616", "another:1",
                               "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66"}) {
    EXPECT_TRUE(is_anew(Events(id))) << id;
    for (const char* const name : {"?lastEventId=", "?Last-Event-ID="}) {
      HttpReader::Options options = Events();
      options.query = absl::StrCat(name, id);
      EXPECT_TRUE(is_anew(options)) << options.query;
    }
  }
  for (const char* const query : {"?lastEventId=%FF", "?lastEventId=%FF:1", "?Last-Event-ID=%zz", "?lastEventId=%"}) {
    HttpReader::Options options = Events();
    options.query = query;
    EXPECT_TRUE(is_anew(options)) << query;
  }
}

TEST(EventStreamTest, GoesOnFromALastEventIdInTheQuery) {
  const TestServer server;
  HttpReader first(server.http_port(), "r", Events());
  const std::string start = first.Read()->id;
  EmitInto(server, "r", "one");
  const std::string later = first.Read()->id;
  for (const char* const name : {"?lastEventId=", "?Last-Event-ID="}) {
    HttpReader::Options options = Events();
    options.query = absl::StrCat(name, start);
    HttpReader reader(server.http_port(), "r", options);
    EXPECT_TRUE(reader.Read()->frame.snapshot().recovered());
    EXPECT_EQ(reader.Read()->id, later);
    // A browser that connects by itself names in the header what it has read since.
    options.headers["Last-Event-ID"] = later;
    EXPECT_EQ(HttpReader(server.http_port(), "r", options).Read()->id, later);
  }
}

TEST(JsonLinesTest, HaveAnEmptyLineWhereNothingHappens) {
  const TestServer server({"--ping-interval=100ms"});
  HttpReader reader(server.http_port(), "r", {});
  EXPECT_TRUE(reader.Read()->frame.has_snapshot());
  EXPECT_TRUE(Eventually([&] {
    EXPECT_FALSE(reader.Read(absl::Milliseconds(50)).has_value());
    return reader.heartbeats() >= 3;
  }));
  EmitInto(server, "r", "again");
  EXPECT_EQ(reader.Read()->frame.event().event(), "again");
}

TEST(EventStreamTest, OfADestroyedRoomEndsAnEventSourceForGood) {
  const TestServer server;
  HttpReader reader(server.http_port(), "r", Events());
  const std::string id = reader.Read()->id;
  ASSERT_EQ(server.Call("DELETE", "/api/rooms/r").status, 200);
  const HttpReply reply = HttpReader(server.http_port(), "r", Events(id)).reply();
  EXPECT_EQ(reply.status, 204);
  EXPECT_EQ(reply.body, "");
  // RFC 9110 8.6: such an answer has no length.
  EXPECT_THAT(reply.headers, testing::Not(testing::Contains(testing::Pair("content-length", testing::Ne("")))));
  EXPECT_FALSE(reply.headers.contains("content-type"));
  // A join makes a room as any join; the reader of the old one is still told.
  TestClient ana(server, Door::kJson);
  ASSERT_TRUE(ana.Join("r").has_join());
  EXPECT_EQ(HttpReader(server.http_port(), "r", Events(id)).reply().status, 204);
  HttpReader lines(server.http_port(), "r", {.headers = {{"Last-Event-ID", id}}});
  EXPECT_EQ(lines.reply().status, 404);
}

TEST(EventStreamTest, HasAHeadOnlyForHead) {
  const TestServer server;
  TcpSocket socket(server.http_port());
  socket.Send("HEAD /api/rooms/r/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n");
  std::string unread;
  const HttpReply reply = ReadHttpReply(socket, unread, absl::Now() + kPatience);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("content-type"), "text/event-stream");
  while (socket.Receive(unread, absl::Now() + kPatience)) {
  }
  EXPECT_TRUE(socket.ended());
  EXPECT_EQ(unread, "");
  EXPECT_EQ(server.Get("/api/rooms/r").status, 404) << "it watches nothing";
}

TEST(EventStreamTest, EndsWithTheConnectionForHttp10) {
  const TestServer server;
  HttpReader::Options options = Events();
  options.version = "1.0";
  HttpReader reader(server.http_port(), "r", options);
  EXPECT_FALSE(reader.reply().headers.contains("transfer-encoding") &&
               reader.reply().headers.at("transfer-encoding") != "");
  EXPECT_TRUE(reader.Read()->frame.has_snapshot());
  server.Call("DELETE", "/api/rooms/r");
  EXPECT_TRUE(reader.Read()->frame.has_left());
  EXPECT_FALSE(reader.Read().has_value());
  EXPECT_TRUE(reader.ended());
}

}  // namespace
}  // namespace atrium
