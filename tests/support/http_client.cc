#include "tests/support/http_client.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "tests/support/eventually.h"

namespace atrium {

boost::json::value HttpReply::Json() const {
  boost::system::error_code error;
  boost::json::value value = boost::json::parse(body, error);
  EXPECT_FALSE(error) << "not JSON: " << body;
  return value;
}

HttpReply CallHttp(uint16_t port, const HttpCall& call) {
  std::map<std::string, std::string> headers = call.headers;
  headers.emplace("Host", "127.0.0.1");
  headers.emplace("Connection", "close");
  if (!call.body.empty()) {
    headers.emplace("Content-Length", absl::StrCat(call.body.size()));
    headers.emplace("Content-Type", "application/json");
  }
  std::string bytes = absl::StrCat(call.method, " ", call.path, " HTTP/1.1\r\n");
  for (const auto& [name, value] : headers) absl::StrAppend(&bytes, name, ": ", value, "\r\n");
  absl::StrAppend(&bytes, "\r\n", call.body);
  TcpSocket socket(port);
  socket.Send(bytes);
  std::string unread;
  return ReadHttpReply(socket, unread, absl::Now() + kPatience);
}

HttpReply ReadHttpReply(TcpSocket& socket, std::string& unread, absl::Time deadline) {
  HttpReply reply;
  size_t end = 0;
  while ((end = unread.find("\r\n\r\n")) == std::string::npos) {
    if (!socket.Receive(unread, deadline)) return reply;
  }
  const std::vector<std::string> lines = absl::StrSplit(unread.substr(0, end), "\r\n");
  unread.erase(0, end + 4);
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::pair<std::string, std::string> header = absl::StrSplit(lines[i], absl::MaxSplits(": ", 1));
    reply.headers[absl::AsciiStrToLower(header.first)] = header.second;
  }
  size_t length = 0;
  (void)absl::SimpleAtoi(reply.headers["content-length"], &length);
  while (unread.size() < length && socket.Receive(unread, deadline)) {
  }
  reply.body = unread.substr(0, length);
  unread.erase(0, length);
  const std::vector<std::string> status_line = absl::StrSplit(lines[0], ' ');
  if (status_line.size() > 1) (void)absl::SimpleAtoi(status_line[1], &reply.status);
  return reply;
}

}  // namespace atrium
