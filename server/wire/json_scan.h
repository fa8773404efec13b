#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace atrium {

// What can be told of a text that ParseJson has refused, so that its error names the field and reaches the request that
// it is about. Only quotes, brackets, colons and commas are looked at; the rest may be anything.

// Returns the path of the value around byte `at`, as errors name fields (`emit.data.prices[2]`); empty outside of any
// member.
std::string JsonPathAt(absl::string_view text, size_t at);

// Returns the value of the member `name` of the object that `text` is, as it is written, of the last such member whose
// end can be found. Returns nothing if there is none up to where the text breaks off, or if `text` is no object or more
// than that.
std::optional<absl::string_view> FindJsonMember(absl::string_view text, absl::string_view name);

}  // namespace atrium
