#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace atrium {

// Returns `text` without its percent escapes, or nothing if an escape is broken or the result is not UTF-8.
std::optional<std::string> DecodePercent(absl::string_view text);

// Returns a request target as path and query, still escaped.
std::pair<absl::string_view, absl::string_view> SplitTarget(absl::string_view target);

// Returns the names and values of a query, in their order, still escaped.
std::vector<std::pair<absl::string_view, absl::string_view>> SplitQuery(absl::string_view query);

// Unescapes such a name or value as DecodePercent does; a plus sign is a space.
std::optional<std::string> DecodeQueryText(absl::string_view text);

}  // namespace atrium
