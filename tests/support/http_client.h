#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/support/tcp_socket.h"

namespace atrium {

struct HttpReply {
  // 0: none came.
  int status = 0;
  // Names in lower case.
  std::map<std::string, std::string> headers;
  std::string body;

  // The body; null, and a failure of the test, if it is no JSON.
  boost::json::value Json() const;
};

// Of a JSON string.
inline std::string TextOf(const boost::json::value& value) { return std::string(value.as_string().c_str()); }

struct HttpCall {
  std::string method = "GET";
  std::string path;
  std::map<std::string, std::string> headers;
  std::string body;
};

// Makes one call on a connection of its own. A body is JSON unless the headers say otherwise.
HttpReply CallHttp(uint16_t port, const HttpCall& call);

// Reads a response as far as its head, or with its Content-Length; `unread` is what came before and what follows.
HttpReply ReadHttpReply(TcpSocket& socket, std::string& unread, absl::Time deadline);

}  // namespace atrium
