#pragma once

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <cstddef>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace atrium {

using RequestHeader = boost::beast::http::header</*isRequest=*/true, boost::beast::http::fields>;

// Returns how many bytes of empty lines stand at the front of `read`, before a request: some clients end a body so.
// They are to be skipped (RFC 9112 section 2.2); more than 8 lines are not.
size_t EmptyLines(absl::string_view read);

// Returns whether a request whose parser found a wrong version in it names a version of HTTP all the same (RFC 9112
// section 2.3), one that we do not speak, such as HTTP/2.0. `read` is its beginning.
bool NamesOtherVersion(absl::string_view read);

// Returns what the target of a request has from its path on (RFC 9112 section 3.2): all of it if it begins with `/`,
// and what follows the authority of a URL whose scheme is http, https, ws or wss. A URL's path may be empty, which
// means
// `/`, so that what is returned may be empty too or begin with `?`. Returns nothing if the target is anything else, has
// a fragment, or its authority is not one that a Host may have; user information is none (RFC 9110 section 4.2.4).
std::optional<absl::string_view> PathAndQuery(absl::string_view target);

// Checks that a request says beyond doubt where it ends and whom it is for, as far as the parser does not ask for that.
// If a proxy and we could disagree about an end, a client could hide a request in the body of another.
//
// `head` is what came, with the empty line at its end, and `header` what the parser has made of it. OK if
//   - no field goes on in a further line (RFC 9112 section 5.2),
//   - there is one Host in HTTP/1.1 and one at most in HTTP/1.0, and it is well-formed (section 3.2),
//   - the target is one that PathAndQuery takes, or `*` in OPTIONS (section 3.2),
//   - Content-Length is there once at most and a number (section 6.2),
//   - Transfer-Encoding is `chunked` alone, once, in HTTP/1.1 and without Content-Length (sections 6.1 and 6.3).
// UNIMPLEMENTED (501) if the method is CONNECT or a transfer coding is named that we do not know, else INVALID_ARGUMENT
// (400). Nothing that follows such a head on its connection may be read. It is thread-safe.
absl::Status CheckFraming(absl::string_view head, const RequestHeader& header);

}  // namespace atrium
