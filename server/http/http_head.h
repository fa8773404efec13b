#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/http/http_message.h"

namespace atrium {

// Says how the body of a response is told from what follows it.
enum class HttpBody {
  kKeepAlive,   // by its length
  kLast,        // the same, and nothing follows
  kChunked,     // in chunks, and nothing follows
  kUntilClose,  // by the end of the connection, for HTTP/1.0
};

// Returns `HTTP/1.1 200 OK`, or what else `status` is, and the end of the line.
std::string StatusLine(int status);

void AppendHeader(std::string& head, absl::string_view name, absl::string_view value);

// Returns all of a response before its body. Where the connection is kept it tells for how long (`Keep-Alive`, in whole
// seconds), so that clients and load balancers do not send their next request just when it is closed.
std::string ResponseHead(const HttpResponse& response, HttpBody body, absl::Duration idle_timeout);

}  // namespace atrium
