#pragma once

#include <cstddef>
#include <optional>

#include "absl/strings/string_view.h"

namespace atrium {

// Takes the frames of a serialised ClientFrames off its front, one after the other and none of them parsed, because a
// message of 4 MB may hold two million. One thread at a time may use it.
class ClientFramesReader {
 public:
  // `bytes` outlive this.
  explicit ClientFramesReader(absl::string_view bytes) : left_(bytes) {}

  // Returns the next ClientFrame, serialised, or nothing at the end and where the bytes are broken.
  std::optional<absl::string_view> Next();
  bool broken() const { return broken_; }
  // Returns how many bytes are left.
  size_t bytes() const { return left_.size(); }

 private:
  absl::string_view left_;
  bool broken_ = false;
};

}  // namespace atrium
