#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace atrium {

// `text` without its percent escapes. Null if an escape is broken or the result is not UTF-8.
std::optional<std::string> DecodePercent(absl::string_view text);

// A request target as path and query, still escaped.
std::pair<absl::string_view, absl::string_view> SplitTarget(absl::string_view target);

// The names and values of a query, in their order; a plus sign is a space. Null as DecodePercent.
std::optional<std::vector<std::pair<std::string, std::string>>> ParseQuery(absl::string_view query);

}  // namespace atrium
