#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "server/http/http_message.h"

namespace atrium {

// How the body of a response is told from what follows it.
enum class HttpBody {
  kKeepAlive,   // by its length
  kLast,        // the same, and nothing follows
  kChunked,     // in chunks, and nothing follows
  kUntilClose,  // by the end of the connection, for HTTP/1.0
};

// `HTTP/1.1 200 OK` and the end of the line.
std::string StatusLine(int status);

void AppendHeader(std::string& head, absl::string_view name, absl::string_view value);

// All of a response before its body.
std::string ResponseHead(const HttpResponse& response, HttpBody body);

}  // namespace atrium
