#include "server/live/authoring/room_id.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "server/common/errors.h"

namespace atrium {

absl::Status ValidateRoomId(absl::string_view field, absl::string_view id) {
  const bool allowed = !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == ':' || c == '.' || c == '-';
  });
  const bool only_dots = id.find_first_not_of('.') == absl::string_view::npos;
  if (allowed && !only_dots && id != "stats") return absl::OkStatus();
  return InvalidFieldWithText(
      field, "INVALID_ROOM_NAME",
      "Invalid room name. Must be 1-64 alphanumeric characters, hyphens, underscores, dots, or colons.");
}

absl::string_view TypePrefix(absl::string_view room_id) {
  const size_t colon = room_id.find(':');
  return colon == absl::string_view::npos ? absl::string_view() : room_id.substr(0, colon);
}

}  // namespace atrium
