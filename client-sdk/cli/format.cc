#include "client-sdk/cli/format.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "client-sdk/cli/json.h"

namespace atrium::cli {
namespace {

constexpr size_t kWidestCell = 40;

std::string Text(const v1::Member& member) {
  std::string text = member.id();
  if (!member.user_id().empty()) absl::StrAppend(&text, " (", member.user_id(), ")");
  if (member.has_info()) absl::StrAppend(&text, " ", ToJson(member.info()));
  return text;
}

std::string Text(const v1::PatchOperation& operation) {
  const std::string path = operation.path().empty() ? "everything" : operation.path();
  if (!operation.has_value()) return absl::StrCat(operation.op(), " ", path);
  return absl::StrCat(operation.op(), " ", path, " ", ToJson(operation.value()));
}

std::string Text(const v1::RoomEvent& event) {
  std::string text = absl::StrCat("event ", event.event());
  if (event.has_data()) absl::StrAppend(&text, " ", ToJson(event.data()));
  if (event.body_case() == v1::RoomEvent::kBinary) absl::StrAppend(&text, " ", event.binary().size(), " bytes");
  if (!event.sender_id().empty()) absl::StrAppend(&text, " from ", event.sender_id());
  if (!event.sender_user_id().empty()) absl::StrAppend(&text, " (", event.sender_user_id(), ")");
  return text;
}

std::string Text(const v1::MemberChange& change) {
  std::vector<std::string> parts;
  for (const v1::Member& member : change.joined()) parts.push_back(absl::StrCat("+", Text(member)));
  for (const v1::Departure& left : change.left()) parts.push_back(absl::StrCat("-", Text(left.member())));
  for (const v1::Member& member : change.changed()) {
    parts.push_back(absl::StrCat(member.connected() ? "connected " : "lost ", Text(member)));
  }
  parts.push_back(absl::StrCat("count ", change.count()));
  return absl::StrCat("member ", absl::StrJoin(parts, ", "));
}

std::string Text(const v1::Snapshot& snapshot) {
  if (snapshot.recovered()) return "snapshot recovered";
  return absl::StrCat("snapshot members ", snapshot.room().member_count(), ", state ", ToJson(snapshot.state()));
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixSeconds(time.seconds()), absl::UTCTimeZone());
}

std::string Table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], std::min(row[i].size(), kWidestCell));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      const size_t pad = widths[i] > row[i].size() ? widths[i] - row[i].size() : 0;
      if (i + 1 < row.size()) line.append(pad + 2, ' ');
    }
    absl::StrAppend(&text, absl::StripTrailingAsciiWhitespace(line), "\n");
  }
  return text;
}

}  // namespace

std::string Text(const v1::Position& position) { return absl::StrCat(position.epoch(), ":", position.offset()); }

absl::StatusOr<v1::Position> ReadPosition(absl::string_view flag, absl::string_view text) {
  const size_t colon = text.rfind(':');
  uint64_t offset = 0;
  if (colon == 0 || colon == absl::string_view::npos || !absl::SimpleAtoi(text.substr(colon + 1), &offset)) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, " must be a position, epoch:offset as `tail` prints it, not '", text, "'"));
  }
  v1::Position position;
  position.set_epoch(std::string(text.substr(0, colon)));
  position.set_offset(offset);
  return position;
}

uint64_t OffsetOf(const v1::ServerFrame& frame) {
  switch (frame.frame_case()) {
    case v1::ServerFrame::kEvent: return frame.event().offset();
    case v1::ServerFrame::kPatch: return frame.patch().offset();
    case v1::ServerFrame::kMember: return frame.member().offset();
    default: return 0;
  }
}

const std::string& RoomOf(const v1::ServerFrame& frame) {
  switch (frame.frame_case()) {
    case v1::ServerFrame::kEvent: return frame.event().room_id();
    case v1::ServerFrame::kPatch: return frame.patch().room_id();
    case v1::ServerFrame::kMember: return frame.member().room_id();
    default: return google::protobuf::internal::GetEmptyString();
  }
}

std::string Text(const v1::ServerFrame& frame, absl::string_view epoch) {
  const uint64_t offset = OffsetOf(frame);
  const std::string position = offset == 0 ? "-" : absl::StrCat(epoch, ":", offset);
  switch (frame.frame_case()) {
    case v1::ServerFrame::kEvent: return absl::StrCat(position, " ", Text(frame.event()));
    case v1::ServerFrame::kMember: return absl::StrCat(position, " ", Text(frame.member()));
    case v1::ServerFrame::kPatch:
      return absl::StrCat(position, " patch ",
                          absl::StrJoin(frame.patch().operations(), ", ",
                                        [](std::string* out, const auto& operation) { *out += Text(operation); }));
    case v1::ServerFrame::kSnapshot:
      return absl::StrCat(Text(frame.snapshot().position()), " ", Text(frame.snapshot()));
    case v1::ServerFrame::kLeft: return absl::StrCat("- left ", v1::LeaveReason_Name(frame.left().reason()));
    case v1::ServerFrame::kGoodbye:
      return absl::StrCat("- goodbye ", frame.goodbye().code(), " ", frame.goodbye().reason());
    default: return absl::StrCat("- ", ToJson(frame));
  }
}

std::string Text(const v1::ListRoomsResponse& rooms) {
  if (rooms.rooms().empty()) return "no rooms\n";
  std::vector<std::vector<std::string>> rows = {{"ROOM", "TYPE", "MEMBERS", "LAST ACTIVITY", "POSITION", "METADATA"}};
  for (const v1::Room& room : rooms.rooms()) {
    std::string members = absl::StrCat(room.member_count());
    if (room.max_members() > 0) absl::StrAppend(&members, "/", room.max_members());
    std::string metadata = room.metadata().fields().empty() ? "" : ToJson(room.metadata());
    if (room.locked()) metadata.insert(0, metadata.empty() ? "locked" : "locked ");
    rows.push_back({room.id(), room.type().empty() ? "-" : room.type(), std::move(members),
                    TimeText(room.last_activity_time()), Text(room.position()), std::move(metadata)});
  }
  return Table(rows);
}

std::string Text(const v1::GetStatsResponse& stats) {
  std::string text = absl::StrCat(stats.rooms().total_rooms(), " rooms\n");
  if (stats.rooms().rooms().empty()) return text;
  std::vector<std::vector<std::string>> rows = {{"ROOM", "MEMBERS", "CREATED", "LAST ACTIVITY"}};
  const std::map<std::string, v1::RoomStats::Entry> sorted(stats.rooms().rooms().begin(), stats.rooms().rooms().end());
  for (const auto& [id, room] : sorted) {
    rows.push_back({id, absl::StrCat(room.members()), TimeText(room.created_at()), TimeText(room.last_activity())});
  }
  return text + Table(rows);
}

}  // namespace atrium::cli
