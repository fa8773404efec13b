#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace atrium {

// Returns OK if a request is for this machine by its Host, and comes from no page or from one of this machine by its
// Origin: `localhost`, a name below that (RFC 6761 section 6.3) or an address of loopback, with any port. Without
// credentials the browser of whoever runs the server would else act for any page on the web: by a plain request to
// localhost, or by a name of the page's own that leads here (DNS rebinding).
//
// PERMISSION_DENIED naming the header if not. Each is the value of a header, or empty if there is none, as in HTTP/1.0
// and from clients that are no browsers.
absl::Status RequireLoopbackNames(absl::string_view host, absl::string_view origin);

}  // namespace atrium
