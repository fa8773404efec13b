#pragma once

#include <cstddef>
#include <optional>

#include "server/http/http_message.h"

namespace atrium {

// Unpacks the body of `request` as its Content-Encoding says (RFC 9110 section 8.4), or returns the response that
// refuses it: 415 for another coding than `gzip` or for several, 413 if it has more than `max_body_bytes` (0: no limit)
// unpacked, 400 if it is no gzip. An empty body stays empty. It is thread-safe.
std::optional<HttpResponse> DecodeContent(HttpRequest& request, size_t max_body_bytes);

}  // namespace atrium
