#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace atrium {

// From the pages of which origins (RFC 6454) requests are taken, and for which hosts. It is immutable.
class Origins {
 public:
  // Takes all requests, and lets no page read the answers to another's.
  Origins() = default;
  // Takes those that come from no page.
  static Origins None();
  // Takes those for this machine that come from no page, or from one of this machine: RequireLoopbackNames.
  static Origins Loopback();
  // Takes those that come from no page, or from one of these, with commas between: `https://app.example.com`, with a
  // port if it is not that of the scheme, or `https://*.example.com` for all below that name. INVALID_ARGUMENT naming
  // `field` if one is neither.
  static absl::StatusOr<Origins> Parse(absl::string_view field, absl::string_view list);

  // Returns OK, or PERMISSION_DENIED naming the header at fault. Each is the value of a header, or empty if there is
  // none, as from clients that are no browsers.
  absl::Status Check(absl::string_view host, absl::string_view origin) const;

  // Whether pages of the origins that are taken may read answers (CORS). They never get those to a request that their
  // browser adds cookies or certificates to.
  bool share_answers() const { return kind_ != Kind::kAny; }

 private:
  enum class Kind { kAny, kLoopback, kListed };

  Kind kind_ = Kind::kAny;
  // They are in lower case; one with a star has what stands before and behind that.
  struct Pattern {
    std::string scheme;
    std::string authority;
    bool below = false;
  };
  std::vector<Pattern> listed_;
};

}  // namespace atrium
