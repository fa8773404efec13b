#include "server/http/origins.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/common/errors.h"
#include "server/http/loopback_names.h"

namespace atrium {
namespace {

// Splits an origin as browsers write it: a scheme, a host and perhaps a port, and nothing behind.
bool SplitOrigin(absl::string_view origin, std::string& scheme, std::string& authority) {
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(origin, absl::MaxSplits("://", 1));
  scheme = absl::AsciiStrToLower(parts.first);
  authority = absl::AsciiStrToLower(parts.second);
  if (scheme != "http" && scheme != "https") return false;
  const absl::string_view standard_port = scheme == "http" ? ":80" : ":443";
  if (absl::EndsWith(authority, standard_port)) authority.resize(authority.size() - standard_port.size());
  return !authority.empty() && std::all_of(authority.begin(), authority.end(), [](char c) {
    return absl::ascii_isalnum(c) || absl::StrContains(".-_:[]", absl::string_view(&c, 1));
  });
}

}  // namespace

Origins Origins::Loopback() {
  Origins origins;
  origins.kind_ = Kind::kLoopback;
  return origins;
}

Origins Origins::None() {
  Origins origins;
  origins.kind_ = Kind::kListed;
  return origins;
}

absl::StatusOr<Origins> Origins::Parse(absl::string_view field, absl::string_view list) {
  Origins origins = None();
  for (const absl::string_view text : absl::StrSplit(list, ',', absl::SkipWhitespace())) {
    Pattern pattern;
    std::string plain(absl::StripAsciiWhitespace(text));
    if (const size_t star = plain.find("://*."); star != std::string::npos) {
      pattern.below = true;
      plain.erase(star + 3, 1);
    }
    const bool split = SplitOrigin(plain, pattern.scheme, pattern.authority);
    if (!split || (!pattern.below && absl::StartsWith(pattern.authority, "."))) {
      return InvalidField(field, absl::StrCat("must be origins, such as https://app.example.com or "
                                              "https://*.example.com, with commas between, not '",
                                              Excerpt(text), "'"));
    }
    origins.listed_.push_back(std::move(pattern));
  }
  return origins;
}

absl::Status Origins::Check(absl::string_view host, absl::string_view origin) const {
  if (kind_ == Kind::kAny) return absl::OkStatus();
  if (kind_ == Kind::kLoopback) return RequireLoopbackNames(host, origin);
  if (origin.empty()) return absl::OkStatus();
  std::string scheme;
  std::string authority;
  const bool split = SplitOrigin(origin, scheme, authority);
  const bool listed = split && std::any_of(listed_.begin(), listed_.end(), [&](const Pattern& pattern) {
                        if (pattern.scheme != scheme) return false;
                        return pattern.below ? absl::EndsWith(authority, pattern.authority) &&
                                                   authority.size() > pattern.authority.size()
                                             : authority == pattern.authority;
                      });
  if (listed) return absl::OkStatus();
  return MakeError(absl::StatusCode::kPermissionDenied, "ORIGIN_NOT_ALLOWED",
                   absl::StrCat("Origin '", Excerpt(origin), "': is none of --allowed-origins"));
}

}  // namespace atrium
