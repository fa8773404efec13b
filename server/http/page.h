#pragma once

#include "absl/strings/string_view.h"

namespace atrium {

// A page of the console or the demo, which is part of the binary.
struct Page {
  // This is `/` or `/assets/...`; what is below `/assets/` is named by its content and never changes.
  absl::string_view path;
  absl::string_view content_type;
  absl::string_view body;
};

}  // namespace atrium
