// Requests of which two readers could think that they end at different places, each with another request inside or
// behind: one answer, and the end of the connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/support/tcp_socket.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using testing::AnyOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

// Would leave a room behind.
constexpr char kHidden[] =
    "PATCH /api/rooms/hidden/state HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
    "2\r\n\r\n{}";
constexpr char kPost[] = "POST /api/rooms/a/emit HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
constexpr char kHandshake[] =
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

int Count(absl::string_view text, absl::string_view part) {
  int count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != text.npos; ++at) ++count;
  return count;
}

class HttpFramingTest : public testing::Test {
 protected:
  // All that comes back until the server ends the connection.
  std::string Send(const std::string& bytes) {
    TcpSocket socket(server_.http_port());
    EXPECT_TRUE(socket.Send(bytes));
    std::string received;
    while (socket.Receive(received, absl::Now() + kPatience)) {
    }
    EXPECT_TRUE(socket.ended()) << "after " << bytes;
    return received;
  }

  void ExpectOneRefusal(const std::string& bytes) {
    const std::string received = Send(bytes);
    EXPECT_THAT(received, AnyOf(StartsWith("HTTP/1.1 400 "), StartsWith("HTTP/1.1 501 "))) << bytes;
    EXPECT_THAT(received, HasSubstr("\r\nConnection: close\r\n")) << bytes;
    EXPECT_EQ(Count(received, "\r\nDate: "), 1) << bytes;
    EXPECT_EQ(server_.Get("/api/rooms/hidden").status, 404) << bytes;
  }

  TestServer server_;
};

TEST_F(HttpFramingTest, ABodyIsNoRequest) {
  for (const std::string fields :
       {"Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: identity\r\n", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "Transfer-Encoding:\r\n chunked\r\n",
        "Transfer-Encoding: chunked;a=b\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: gzip\r\n", "Content-Length: 0\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 0, 5\r\n", "Accept: a\r\n b\r\n"}) {
    ExpectOneRefusal(absl::StrCat(kPost, fields, "\r\n", kHidden));
    ExpectOneRefusal(absl::StrCat(kPost, fields, "\r\n0\r\n\r\n", kHidden));
  }
}

TEST_F(HttpFramingTest, HttpOnePointZeroHasNoChunks) {
  for (const std::string coding : {"chunked", "identity"}) {
    ExpectOneRefusal(absl::StrCat("POST /api/rooms/a/emit HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: ",
                                  coding, "\r\n\r\n0\r\n\r\n", kHidden));
  }
}

TEST_F(HttpFramingTest, ARequestIsForOneHost) {
  for (const std::string fields :
       {"", "Host: localhost\r\nHost: localhost\r\n", "Host: localhost\r\nHost: y\r\n", "Host: a b\r\n", "Host:\r\n"}) {
    ExpectOneRefusal(absl::StrCat("GET /healthz HTTP/1.1\r\n", fields, "\r\n", kHidden));
  }
}

TEST_F(HttpFramingTest, AHandshakeHasNoBodyThatIsReadAsFrames) {
  // A masked text frame: {"hello":{}}.
  const std::string frame = absl::StrCat("\x81\x8c", std::string(4, '\0'), R"({"hello":{}})");
  ExpectOneRefusal(absl::StrCat(kHandshake, "Content-Length: ", frame.size(), "\r\n\r\n", frame));
  ExpectOneRefusal(absl::StrCat(kHandshake, "Transfer-Encoding: chunked\r\n\r\n", frame));
  ExpectOneRefusal(absl::StrCat(kHandshake, "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", frame));
  ExpectOneRefusal(absl::StrCat(kHandshake, "Transfer-Encoding: identity\r\n\r\n", frame));
  EXPECT_EQ(server_.Metric("atrium_http_responses_total{status=\"1xx\"}"), 0);
}

TEST_F(HttpFramingTest, AHandshakeHasOneKeyAndOneVersion) {
  ExpectOneRefusal(absl::StrCat(kHandshake, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", kHidden));
  ExpectOneRefusal(absl::StrCat(kHandshake, "Sec-WebSocket-Version: 13\r\n\r\n", kHidden));
  ExpectOneRefusal(absl::StrCat(kHandshake, "Sec-WebSocket-Version: 8\r\n\r\n", kHidden));
}

TEST_F(HttpFramingTest, WhatIsWellFramedIsServedInItsOrder) {
  const std::string received =
      Send(absl::StrCat(kPost, "Transfer-Encoding: Chunked\r\n\r\nd;a=\"b\"\r\n{\"event\":\"a\"}\r\n0\r\n",
                        "Content-Encoding: br\r\nConnection: close\r\n\r\n",
                        "GET /healthz HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 2\r\n\r\nxx",
                        "GET /healthz HTTP/1.0\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_THAT(received, HasSubstr(R"({"success":true,"event":"a")"));
  EXPECT_THAT(received, EndsWith("ok"));
  EXPECT_EQ(Count(received, "HTTP/1.1 200 OK\r\n"), 3) << received;
}

}  // namespace
}  // namespace atrium
