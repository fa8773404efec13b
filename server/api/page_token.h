#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "atrium/v1/frames.pb.h"

namespace atrium {

// A list that is read page by page: which one, and what decides, of the requests for it, what is in it. That must stay
// the same from page to page (AIP-158).
struct PagedList {
  enum class Kind { kRooms = 1, kMembers, kHistory, kSessions };
  Kind kind;
  // The filter of a list of rooms; the room of its members; the HistoryOf a history.
  absl::string_view of = {};
};

// Returns what decides what is in a history: its room, and the position that the request for its first page named.
std::string HistoryOf(absl::string_view room_id, const std::optional<v1::Position>& since);

// A token names the last id of its page and is opaque to callers. It bears a checksum of itself and of its list, which
// is no secret: a token opens nothing that its caller may not list anyway, and is good after a restart.
std::string MakePageToken(const PagedList& list, absl::string_view last_id);

// The id that the page begins behind, whether there is still such an element or not; empty without a token.
// INVALID_ARGUMENT naming `pageToken` if MakePageToken has not made it for this list.
absl::StatusOr<std::string> ReadPageToken(const PagedList& list, const std::string& token);

}  // namespace atrium
