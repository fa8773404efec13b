#pragma once

#include "absl/types/span.h"

namespace atrium {

struct Page;  // server/http/page.h

// The demo page and its assets, in the binary.
absl::Span<const Page> DemoPages();

}  // namespace atrium
