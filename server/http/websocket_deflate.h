#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace atrium {

// Returns what Sec-WebSocket-Extensions is answered with, so that messages may be compressed (permessage-deflate, RFC
// 7692), each by itself in both directions. It is empty if no offer can be taken: one cannot that has a parameter that
// is unknown, wrong or twice there, or that asks for a smaller window than 15 bits, because all clients share what is
// compressed.
//
// `offers` is the value of that header, of all of them with commas between. INVALID_ARGUMENT if it is not what RFC 6455
// section 9.1 has. It is thread-safe.
absl::StatusOr<std::string> AnswerDeflateOffers(absl::string_view offers);

}  // namespace atrium
