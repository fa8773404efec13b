#pragma once

#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "server/http/http_message.h"

namespace atrium {

// The headers of an HTTP/1.1 GET that a WebSocket handshake looks at (RFC 6455 4.2.1); empty if absent.
struct WebSocketOffer {
  absl::string_view upgrade;
  absl::string_view connection;
  absl::string_view version;
  absl::string_view key;
  // Of all Sec-WebSocket-Protocol headers, with commas between.
  absl::string_view subprotocols;
  // Of all Sec-WebSocket-Extensions headers, with commas between.
  absl::string_view extensions;
  // Whether the server compresses at all.
  bool may_deflate = true;
};

struct WebSocketAnswer {
  // Of Sec-WebSocket-Accept.
  std::string accept;
  // The first one that the client offers and we know; without an offer `atrium.v1.json`.
  absl::string_view subprotocol;
  // Whether there was an offer, so that the answer must name it.
  bool offered = false;
  // Of Sec-WebSocket-Extensions: messages may be compressed. Empty if they may not.
  std::string extensions;
};

// The answer, or the response that refuses: 400, or 426 when another version (or no upgrade at all) is asked for.
std::variant<WebSocketAnswer, HttpResponse> AnswerWebSocketOffer(const WebSocketOffer& offer);

}  // namespace atrium
