#pragma once

#include "absl/strings/string_view.h"

namespace atrium {

// A page in the binary.
struct Page {
  // `/` or `/assets/...`; what is below `/assets/` is named by its content and never changes.
  absl::string_view path;
  absl::string_view content_type;
  absl::string_view body;
};

}  // namespace atrium
