#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace atrium {

// Names rooms: one by its id, or by a trailing `*` all whose ids begin with what stands before that. A typed room (an
// id `type:instance` of a registered type) is named only by a pattern with the colon, so that nobody who was let into
// `chat*` or `*` finds himself in `chat:board`. It is immutable.
class RoomPattern {
 public:
  // INVALID_ARGUMENT naming `field` if `text` is no pattern: a room id, or up to 63 of its characters and a `*`.
  static absl::StatusOr<RoomPattern> Parse(absl::string_view field, absl::string_view text);

  // Whether it names the room; `typed` says whether that is a typed one.
  bool Matches(absl::string_view room_id, bool typed) const;

  // Returns it as it was written.
  const std::string& text() const { return text_; }

 private:
  explicit RoomPattern(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

}  // namespace atrium
