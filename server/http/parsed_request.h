#pragma once

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstddef>
#include <optional>
#include <variant>

#include "server/http/http_message.h"
#include "server/http/http_service.h"
#include "server/http/request_framing.h"
#include "server/http/websocket_handshake.h"

namespace atrium {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::string_body>;

// Returns a request that CheckFraming has taken as the handlers look at it, but for its body. It is called before the
// body is read, because the parser adds the trailers of a chunked body to the header, and they must say nothing here
// (RFC 9110 section 6.5.1).
HttpRequest ToHttpRequest(const RequestHeader& header);

// Returns OK, or PERMISSION_DENIED if the names that `header` gives to its host and its page are not taken (Origins).
absl::Status CheckNames(const RequestHeader& header, const HttpHandlers& handlers);

// Whether it is a request for a WebSocket, where there are any.
bool IsWebSocketTarget(const RequestHeader& header, const HttpHandlers& handlers);

// Answers a handshake, or returns the response that refuses it, as AnswerWebSocketOffer does, or 503 if there are too
// many. `has_body` says that there is more of the request than its header.
std::variant<WebSocketAnswer, HttpResponse> AnswerUpgrade(const RequestHeader& header, bool has_body,
                                                          const HttpHandlers& handlers);

// Returns the response to a request that could not be read, or nothing if there is nobody to answer. `read` is the
// beginning of the request, as far as it is not parsed.
std::optional<HttpResponse> ReadErrorResponse(boost::beast::error_code error, absl::string_view read,
                                              size_t max_body_bytes);

// Returns 413.
HttpResponse BodyTooLarge(size_t max_body_bytes);

}  // namespace atrium
