#include "server/live/rooms/restored_room.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "atrium/v1/frames.pb.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"
#include "server/wire/apply_patch.h"
#include "server/wire/json.h"

namespace atrium {
namespace {

absl::Status Damaged(absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, "ROOM_DAMAGED",
                   absl::StrCat("What is stored of this room cannot be read: ", what));
}

absl::StatusOr<v1::ServerFrame> ReadFrame(const StoredFrame& stored) {
  v1::ServerFrames frames;
  if (!frames.ParseFromString(stored.frames()) || frames.frames_size() != 1) return Damaged("a frame is none");
  return std::move(*frames.mutable_frames(0));
}

uint64_t OffsetIn(const v1::ServerFrame& frame) {
  switch (frame.frame_case()) {
    case v1::ServerFrame::kEvent: return frame.event().offset();
    case v1::ServerFrame::kPatch: return frame.patch().offset();
    case v1::ServerFrame::kMember: return frame.member().offset();
    default: return 0;
  }
}

// Plays records behind a snapshot.
class Replay {
 public:
  Replay(RoomSnapshot& room, json::value state) : room_(room), state_(std::move(state)) {}

  const json::value& state() const { return state_; }

  // Plays what a record changes, apart from its frames.
  void Apply(const RoomRecord& record) {
    if (!record.epoch().empty()) {
      room_.set_epoch(record.epoch());
      room_.set_create_time(record.create_time());
    }
    if (record.has_meta()) room_.set_meta(record.meta());
    if (record.has_settings()) *room_.mutable_settings() = record.settings();
    for (const MemberStep& step : record.members()) ApplyStep(step);
    room_.mutable_answers()->MergeFrom(record.answers());
  }

  absl::Status Apply(const v1::ServerFrame& frame, int64_t time) {
    const uint64_t offset = OffsetIn(frame);
    if (offset != room_.offset() + 1) {
      return Damaged(absl::StrCat("frame ", offset, " stands behind frame ", room_.offset()));
    }
    room_.set_offset(offset);
    room_.set_last_activity_time(std::max(room_.last_activity_time(), time));
    if (!frame.has_patch()) return absl::OkStatus();
    room_.set_patch_offset(offset);
    const absl::Status applied = ApplyPatch(frame.patch().operations(), state_);
    return applied.ok() ? applied : Damaged(absl::StrCat("patch ", offset, ": ", applied.message()));
  }

 private:
  void ApplyStep(const MemberStep& step) {
    auto& members = *room_.mutable_members();
    const std::string& id = step.has_joined() ? step.joined().id() : step.left();
    members.erase(std::remove_if(members.begin(), members.end(), [&](const auto& member) { return member.id() == id; }),
                  members.end());
    if (step.has_joined()) *members.Add() = step.joined();
  }

  RoomSnapshot& room_;
  json::value state_;
};

}  // namespace

absl::StatusOr<RestoredRoom> RestoreRoom(const RoomTypeInfo& type, const StoredRoom& stored, const Moment& now) {
  RestoredRoom restored;
  RoomSnapshot& room = restored.room;
  restored.behaviour = type.create();
  RoomBehaviour& behaviour = *restored.behaviour;
  restored.log.last_sequence = stored.last_sequence();
  restored.log.snapshot_bytes = stored.snapshot.size();
  if (!room.ParseFromString(stored.snapshot)) return Damaged("the snapshot is none");
  if (!behaviour.ReadState(room.state()).ok()) return Damaged("the state is none of its type");
  ASSIGN_OR_RETURN(json::value before, ParseJson(behaviour.StateJson().Json()));
  Replay replay(room, std::move(before));
  uint64_t sequence = stored.first_sequence, last_offset = 0;
  for (const std::string& bytes : stored.records) {
    RoomRecord record;
    if (!record.ParseFromString(bytes)) return Damaged(absl::StrCat("record ", sequence, " is none"));
    const bool is_new = sequence > stored.snapshot_sequence;
    for (StoredFrame& kept : *record.mutable_frames()) {
      ASSIGN_OR_RETURN(const v1::ServerFrame frame, ReadFrame(kept));
      if (is_new) RETURN_IF_ERROR(replay.Apply(frame, kept.time()));
      const uint64_t offset = OffsetIn(frame);
      if (offset == 0 || (last_offset != 0 && offset != last_offset + 1)) {
        return Damaged(absl::StrCat("frame ", offset, " stands behind frame ", last_offset));
      }
      last_offset = offset;
      restored.history.push_back(std::move(kept));
    }
    if (is_new) {
      restored.log.log_bytes += bytes.size();
      replay.Apply(record);
    }
    if (record.frames_size() > 0) restored.log.frames_at.emplace_back(sequence, last_offset);
    ++sequence;
  }
  if (room.epoch().empty()) return Damaged("there is no epoch");
  if (last_offset != 0 && last_offset != room.offset()) {
    return Damaged(absl::StrCat("the last frame is ", last_offset, " and not ", room.offset()));
  }
  const absl::Status read = behaviour.ReadStateJson(replay.state());
  if (!read.ok()) return Damaged(absl::StrCat("the state is none of its type: ", read.message()));
  if (!behaviour.ReadMeta(room.meta()).ok()) return Damaged("the meta is none of its type");
  restored.last_activity = now.ToSteady(absl::FromUnixMillis(room.last_activity_time()));
  return restored;
}

}  // namespace atrium
