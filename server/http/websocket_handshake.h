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
  // These are the values of all Sec-WebSocket-Version and Sec-WebSocket-Key headers, with commas between, so that more
  // than one is refused.
  absl::string_view version;
  absl::string_view key;
  // These are the values of all Sec-WebSocket-Protocol and Sec-WebSocket-Extensions headers, with commas between.
  absl::string_view subprotocols;
  absl::string_view extensions;
  // These are the values of all Authorization headers, with commas between.
  absl::string_view authorization;
  // A handshake has none: what follows its header are frames.
  bool has_body = false;
  // Whether the server compresses at all.
  bool may_deflate = true;
};

struct WebSocketAnswer {
  // This is the value of Sec-WebSocket-Accept.
  std::string accept;
  // This is the first one that the client offers and we know; without an offer it is `atrium.v1.json`.
  absl::string_view subprotocol;
  // Whether there was an offer, so that the answer must name it.
  bool offered = false;
  // This is the value of Sec-WebSocket-Extensions if messages may be compressed, and empty if they may not.
  std::string extensions;
  // This is the client's token; empty if the handshake has none.
  std::string token;
};

// Returns the answer, or the response that refuses: 400, or 426 when another version (or no upgrade at all) is asked
// for. A token comes in Authorization or, from browsers, which cannot set that, as a further subprotocol
// `atrium.bearer.TOKEN`, which the answer does not repeat. The hello says whether it is valid: browsers tell a page
// nothing of a handshake that was refused.
std::variant<WebSocketAnswer, HttpResponse> AnswerWebSocketOffer(const WebSocketOffer& offer);

// Returns the whole response that accepts it (101).
std::string AcceptanceOf(const WebSocketAnswer& answer);

}  // namespace atrium
