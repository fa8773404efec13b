#include "server/access/room_pattern.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "server/common/errors.h"

namespace atrium {
namespace {

constexpr size_t kMostCharacters = 64;

// Those that room ids are made of.
bool IsOfRoomId(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == ':' || c == '.' || c == '-';
}

}  // namespace

absl::StatusOr<RoomPattern> RoomPattern::Parse(absl::string_view field, absl::string_view text) {
  const absl::string_view plain = absl::StripSuffix(text, "*");
  if (text.empty() || text.size() > kMostCharacters || !std::all_of(plain.begin(), plain.end(), IsOfRoomId)) {
    return InvalidField(field,
                        "must be a room id, or its beginning with a * behind: 1-64 letters, digits, hyphens, "
                        "underscores, dots, or colons");
  }
  return RoomPattern(std::string(text));
}

bool RoomPattern::Matches(absl::string_view room_id, bool typed) const {
  if (typed && !absl::StrContains(text_, ':')) return false;
  absl::string_view beginning = text_;
  return absl::ConsumeSuffix(&beginning, "*") ? absl::StartsWith(room_id, beginning) : room_id == text_;
}

}  // namespace atrium
