#include "server/http/request_framing.h"

#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/http/parsed_request.h"
#include "server/wire/rpc_status.h"

namespace atrium {
namespace {

constexpr int kTaken = 0;

// What a head is refused with, by the parser or by CheckFraming; kTaken if by neither.
int Refusal(const std::string& head) {
  RequestParser parser;
  boost::beast::error_code error;
  const size_t size = parser.put(boost::asio::buffer(head), error);
  if (error) return ReadErrorResponse(error, head, 0)->status;
  EXPECT_TRUE(parser.is_header_done()) << head;
  const absl::Status status = CheckFraming(absl::string_view(head).substr(0, size), parser.get());
  if (!status.ok()) return ToHttpStatus(status.code());
  // The parser reads the body as it was checked.
  EXPECT_EQ(parser.chunked(), parser.get().count("Transfer-Encoding") == 1) << head;
  return kTaken;
}

std::string Head(const std::string& fields, const char* version = "1.1") {
  return absl::StrCat("POST /api/rooms/a/emit HTTP/", version, "\r\n", fields, "\r\n");
}

TEST(RequestFramingTest, WantsOneTransferCodingWhichIsChunked) {
  const std::string host = "Host: x\r\n";
  const struct {
    std::string fields;
    int refusal;
  } rows[] = {
      {"Transfer-Encoding: chunked\r\n", kTaken},
      {"transfer-encoding:\tCHUNKED \t\r\n", kTaken},
      {"Transfer-Encoding: xchunked\r\n", 501},
      {"Transfer-Encoding: chunkedx\r\n", 501},
      {"Transfer-Encoding: gzip\r\n", 501},
      {"Transfer-Encoding: identity\r\n", 501},
      {"Transfer-Encoding: gzip, chunked\r\n", 501},
      {"Transfer-Encoding: chunked, identity\r\n", 501},
      {"Transfer-Encoding: identity, chunked\r\n", 501},
      {"Transfer-Encoding: \"chunked\"\r\n", 501},
      {"Transfer-Encoding: chunked chunked\r\n", 501},
      {"Transfer-Encoding: chunked, chunked\r\n", 400},
      {"Transfer-Encoding: chunked,\r\n", 400},
      {"Transfer-Encoding: ,chunked\r\n", 400},
      {"Transfer-Encoding: chunked;q=1\r\n", 400},
      {"Transfer-Encoding:\r\n", 400},
      {"Transfer-Encoding: ,\r\n", 400},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400},
      {"Transfer-Encoding: gzip\r\nTransfer-Encoding: gzip\r\n", 400},
      {"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", 400},
      {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Transfer-Encoding: gzip\r\nContent-Length: 4\r\n", 400},
      {"Content-Length: 4\r\nTransfer-Encoding: identity\r\n", 400},
      {"Transfer-Encoding : chunked\r\n", 400},
      {"Transfer-Encoding: \x0b"
       "chunked\r\n",
       400},
      {"Transfer-Encoding:\r\n chunked\r\n", 400},
      // Of no meaning, by its name.
      {"Transfer_Encoding: xchunked\r\n", kTaken},
  };
  for (const auto& row : rows) EXPECT_EQ(Refusal(Head(host + row.fields)), row.refusal) << row.fields;
  for (const char* const coding : {"chunked", "gzip", "identity"}) {
    EXPECT_EQ(Refusal(Head(absl::StrCat(host, "Transfer-Encoding: ", coding, "\r\n"), "1.0")), 400) << coding;
  }
}

TEST(RequestFramingTest, WantsOneContentLengthWhichIsANumber) {
  const struct {
    std::string fields;
    int refusal;
  } rows[] = {
      {"Content-Length: 4\r\n", kTaken},
      {"Content-Length: 0\r\n", kTaken},
      {"Content-Length: 004 \r\n", kTaken},
      {"Content-Length:\r\n", 400},
      {"Content-Length: 4\r\nContent-Length: 4\r\n", 400},
      {"Content-Length: 4\r\nContent-Length: 5\r\n", 400},
      {"Content-Length: 4, 4\r\n", 400},
      {"Content-Length: 4,\r\n", 400},
      {"Content-Length: +4\r\n", 400},
      {"Content-Length: -4\r\n", 400},
      {"Content-Length: 0x4\r\n", 400},
      {"Content-Length: 4 4\r\n", 400},
      {"Content-Length: 4.0\r\n", 400},
      {"Content-Length: \"4\"\r\n", 400},
      {"Content-Length: 18446744073709551616\r\n", 400},
      {"Content-Length : 4\r\n", 400},
      {"Content-Length: \r\n 4\r\n", 400},
  };
  for (const char* const version : {"1.0", "1.1"}) {
    for (const auto& row : rows) {
      EXPECT_EQ(Refusal(Head("Host: x\r\n" + row.fields, version)), row.refusal) << version << " " << row.fields;
    }
  }
}

TEST(RequestFramingTest, WantsOneHost) {
  EXPECT_EQ(Refusal(Head("")), 400);
  EXPECT_EQ(Refusal(Head("", "1.0")), kTaken);
  for (const char* const version : {"1.0", "1.1"}) {
    EXPECT_EQ(Refusal(Head("Host: x\r\nHost: x\r\n", version)), 400);
    EXPECT_EQ(Refusal(Head("Host: x\r\nAccept: */*\r\nhost: y\r\n", version)), 400);
  }
  EXPECT_EQ(Refusal("GET http://x/healthz HTTP/1.1\r\n\r\n"), 400)
      << "RFC 9112 section 3.2.2: it is there all the same";
}

TEST(RequestFramingTest, WantsAHostThatIsOne) {
  for (const char* const host :
       {"x", "example.com", "example.com:8080", "example.com.", "a_b-c~d.example", "127.0.0.1", "127.0.0.1:80",
        "x:", "[::1]", "[::1]:8080", "[2001:db8::ffff:192.0.2.1]:1", "caf%C3%A9.example", "xn--caf-dma.example"}) {
    EXPECT_EQ(Refusal(Head(absl::StrCat("Host: ", host, "\r\n"))), kTaken) << host;
  }
  for (const char* const host :
       {"",      " ",     "a b",      "a,b",    "a, b",    "x:y",        "x:80:80",     "x:-1", "x:+80",
        "x: 80", ":80",   "http://x", "x/y",    "x?y",     "x#y",        "user@x",      "::1",  "[::1",
        "::1]",  "[]",    "[x]",      "[::1]x", "[::1]:x", "[::1%25lo]", "[127.0.0.1]", "x%",   "x%4",
        "x%zz",  "a%2Fb", "a%40b",    "a%2cb",  "a%3A1",   "a%23",       "a%20b",       "a%00", "a%25",
        "a\\b",  "<x>",   "\"x\"",    "a|b",    "x^",      "caf\xc3\xa9"}) {
    EXPECT_EQ(Refusal(Head(absl::StrCat("Host: ", host, "\r\n"))), 400) << host;
    EXPECT_EQ(Refusal(Head(absl::StrCat("Host: ", host, "\r\n"), "1.0")), 400) << host;
  }
}

// What the handlers get as the target of a request that is taken.
std::string Target(const std::string& line) {
  const std::string head = line + " HTTP/1.1\r\nHost: x\r\n\r\n";
  EXPECT_EQ(Refusal(head), kTaken) << line;
  RequestParser parser;
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(head), error);
  return ToHttpRequest(parser.get()).target;
}

// RFC 9112 section 3.2.
TEST(RequestFramingTest, TakesAPathOrAUrlAsTarget) {
  const struct {
    const char* line;
    const char* target;
  } rows[] = {
      {"GET /", "/"},
      {"GET /a?b=c", "/a?b=c"},
      {"GET /a?u=http://b/c", "/a?u=http://b/c"},
      {"GET //a/b", "//a/b"},
      {"GET /http://a/b", "/http://a/b"},
      {"GET http://a/b?c", "/b?c"},
      {"GET HTTPS://a:8443/b", "/b"},
      {"GET ws://a/ws", "/ws"},
      {"GET Wss://[::1]:80/ws", "/ws"},
      {"GET http://a", "/"},
      {"GET http://a:", "/"},
      {"GET http://a?b=/api/rooms/stats", "/?b=/api/rooms/stats"},
      {"DELETE http://a?x=/api/rooms/pt", "/?x=/api/rooms/pt"},
      {"GET http://a?b?c", "/?b?c"},
      {"GET http://a//b", "//b"},
      {"GET http://a/u@b", "/u@b"},
      {"GET http://caf%C3%A9.example/b", "/b"},
      {"OPTIONS *", "*"},
      {"OPTIONS /a", "/a"},
  };
  for (const auto& row : rows) EXPECT_EQ(Target(row.line), row.target) << row.line;
}

TEST(RequestFramingTest, RefusesAnyOtherTarget) {
  for (const char* const target : {"http://a#/api/rooms/stats",
                                   "/healthz#a",
                                   "http://a/b#c",
                                   "api?u=http://evil/api/rooms/stats",
                                   "api/rooms",
                                   "?a",
                                   "q://a/api/rooms/stats",
                                   "ftp://a/healthz",
                                   "httpx://a/healthz",
                                   "://x/healthz",
                                   "*://x/healthz",
                                   "http:///healthz",
                                   "http://",
                                   "http://?a",
                                   "http://:80/healthz",
                                   "http:/healthz",
                                   "http:a/healthz",
                                   "http",
                                   "http://u@h:99999/healthz",
                                   "http://u:p@h/healthz",
                                   "http://@h/healthz",
                                   "http://h:x/healthz",
                                   "http://a%2Fapi/api/rooms/stats",
                                   "http://a,b/healthz",
                                   "http://[x]/healthz",
                                   "http://a\\b/healthz",
                                   "a:80",
                                   "*",
                                   "**",
                                   "*?a"}) {
    for (const char* const version : {"1.0", "1.1"}) {
      EXPECT_EQ(Refusal(absl::StrCat("GET ", target, " HTTP/", version, "\r\nHost: x\r\n\r\n")), 400) << target;
    }
  }
  EXPECT_EQ(Refusal("POST * HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(Refusal("OPTIONS *a HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(Refusal("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"), 501);
  EXPECT_EQ(Refusal("CONNECT /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), 501);
}

// RFC 9110 section 15.6.6; what names no version is no request.
TEST(RequestFramingTest, KnowsOtherVersionsOfHttp) {
  for (const char* const version : {"1.2", "1.9", "2.0", "3.0", "9.9", "0.9", "0.0"}) {
    EXPECT_EQ(Refusal(Head("Host: x\r\n", version)), 505) << version;
  }
  EXPECT_EQ(Refusal("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
  EXPECT_EQ(Refusal("GET / HTTP/2.0"), 505) << "the line need not end";
  for (const char* const version : {"1.12", "1.", "1.x", "11.1", "2", "2.0 ", "1.1 ", "1,2", ""}) {
    EXPECT_EQ(Refusal(Head("Host: x\r\n", version)), 400) << version;
  }
  EXPECT_EQ(Refusal("GET / HTTPS/2.0\r\n\r\n"), 400);
  EXPECT_EQ(Refusal("GET / http/2.0\r\n\r\n"), 400);
  EXPECT_EQ(Refusal("GET / / HTTP/2.0\r\n\r\n"), 400);
  EXPECT_EQ(Refusal("GET / HTTP/1.1\rX: HTTP/2.0\r\n\r\n"), 400);
}

TEST(RequestFramingTest, SkipsSomeEmptyLines) {
  EXPECT_EQ(EmptyLines(""), 0u);
  EXPECT_EQ(EmptyLines("GET / HTTP/1.1\r\n\r\n"), 0u);
  EXPECT_EQ(EmptyLines("\r\nGET"), 2u);
  EXPECT_EQ(EmptyLines("\r\n\r\n\r"), 4u);
  std::string lines;
  for (int i = 0; i < 20; ++i) lines += "\r\n";
  EXPECT_EQ(EmptyLines(lines), 16u);
  for (const char* const other : {"\nGET", "\r", "\rGET", "\r\r\n", " \r\n", "\t\r\n"})
    EXPECT_EQ(EmptyLines(other), 0u);
}

TEST(RequestFramingTest, WantsEachFieldOnALine) {
  EXPECT_EQ(Refusal(Head("Host: x\r\nAccept: a\r\n b\r\n")), 400);
  EXPECT_EQ(Refusal(Head("Host: x\r\nAccept: a\r\n\tb\r\n")), 400);
  EXPECT_EQ(Refusal(Head("Host: x\r\nAccept: a\r\n \r\n")), 400);
  EXPECT_EQ(Refusal(Head(" Host: x\r\n")), 400);
  EXPECT_EQ(Refusal(Head("Host: x\r\n y\r\n")), 400);
  EXPECT_EQ(Refusal(Head("Host: x\r\nAccept: a\n b\r\n")), 400);
  EXPECT_EQ(Refusal(Head("Host: x\r\nAccept: a\r b\r\n")), 400);
}

}  // namespace
}  // namespace atrium
