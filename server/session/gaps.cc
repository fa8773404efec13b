#include "server/session/gaps.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "server/session/connection.h"
#include "server/session/room_frames.h"
#include "server/session/session_core.h"

namespace atrium {
namespace {

v1::Position MakePosition(const Channel& channel, uint64_t offset) {
  v1::Position position;
  position.set_epoch(channel.room().epoch);
  position.set_offset(offset);
  return position;
}

constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

struct Sent {
  // Behind this the room goes on, or, if the client has not been told that it is in the room, its state is of here.
  uint64_t offset;
  bool told;
};

// Returns, by its key, how far each room has been sent of which something has not been sent.
absl::flat_hash_map<uint64_t, Sent> SentOffsets(const std::vector<FramePtr>& unsent) {
  absl::flat_hash_map<uint64_t, Sent> sent;
  for (const FramePtr& frame : unsent) {
    const FrameOrigin& origin = frame->origin();
    if (origin.room == 0 || origin.kind == FrameOrigin::Kind::kLeft) continue;
    if (origin.kind == FrameOrigin::Kind::kHistory) {
      sent.try_emplace(origin.room, Sent{.offset = origin.offset - 1, .told = true});
    } else {
      sent[origin.room] = {.offset = origin.offset, .told = false};
    }
  }
  return sent;
}

}  // namespace

Gaps::Gap& Gaps::Open(const std::string& room_id) {
  core_.seats().ChannelOf(room_id)->Pause(core_.env().shard, core_.key());
  return gaps_.Get()[room_id];
}

void Gaps::Forget(const std::string& room_id) {
  if (!gaps_.made()) return;
  gaps_.Get().erase(room_id);
  if (gaps_->empty()) gaps_.Reset();
}

void Gaps::OpenAll(const std::vector<FramePtr>& unsent) {
  const auto sent = SentOffsets(unsent);
  for (const auto& [room_id, room] : core_.seats().rooms()) {
    if (room.channel == nullptr) continue;
    const bool was_open = gaps_->contains(room_id);
    const uint64_t offset = room.channel->OffsetOf(core_.env().shard, core_.key());
    Gap& gap = Open(room_id);
    gap.question = 0;
    const auto it = sent.find(room.channel->room().key);
    if (it == sent.end()) {
      if (!was_open) gap.since = MakePosition(*room.channel, offset);
    } else if (it->second.told) {
      gap.since = MakePosition(*room.channel, it->second.offset);
    } else {
      gap.since.reset();
      gap.untold = it->second.offset;
    }
  }
}

void Gaps::OpenUnknown(const std::string& room_id) {
  Gap& gap = Open(room_id);
  gap.since.reset();
  gap.untold = kNever;
}

bool Gaps::PutOff(const FrameOrigin& frame) {
  if (frame.room == 0 || frame.offset == 0 || frame.kind != FrameOrigin::Kind::kHistory) return false;
  for (const auto& [room_id, room] : core_.seats().rooms()) {
    if (room.channel == nullptr || room.channel->room().key != frame.room) continue;
    Gap& gap = Open(room_id);
    gap.since = MakePosition(*room.channel, frame.offset - 1);
    gap.question = 0;
    return true;
  }
  return false;
}

void Gaps::GoOnFrom(const std::string& room_id, v1::Position position) {
  Gap& gap = Open(room_id);
  if (gap.untold && core_.seats().MembersIn(room_id).size() > 1) return;
  gap.untold.reset();
  gap.since = std::move(position);
  Ask(room_id, gap);
}

void Gaps::Learn(const google::protobuf::RepeatedPtrField<v1::RoomPosition>& known) {
  if (!gaps_.made()) return;
  for (const v1::RoomPosition& room : known) {
    const auto it = gaps_.Get().find(room.room_id());
    if (it == gaps_->end()) continue;
    Gap& gap = it->second;
    const bool another = room.position().epoch() != core_.seats().ChannelOf(room.room_id())->room().epoch;
    if (another) {
      // The client knows nothing of this room, nor which members it has here.
      gap.untold = kNever;
    } else if (gap.untold && room.position().offset() >= *gap.untold) {
      gap.untold.reset();
    }
    if (another || !gap.untold) gap.since = room.position();
  }
}

bool Gaps::OwesSnapshots(const std::string& room_id) const {
  const auto it = gaps_->find(room_id);
  return it != gaps_->end() && it->second.untold.has_value();
}

void Gaps::AskAll() {
  if (!gaps_.made()) return;
  for (auto& [room_id, gap] : gaps_.Get()) Ask(room_id, gap);
}

void Gaps::AskNext() {
  const auto asked = [](const auto& entry) { return entry.second.question != 0; };
  if (gaps_->empty() || std::any_of(gaps_->begin(), gaps_->end(), asked)) return;
  Ask(gaps_->begin()->first, gaps_.Get().begin()->second);
}

void Gaps::Ask(const std::string& room_id, Gap& gap) {
  gap.question = ++last_question_;
  auto on_caught_up = [this, room_id, question = gap.question](absl::StatusOr<Admission> admission) {
    OnCaughtUp(room_id, question, std::move(admission));
  };
  core_.env().attendance.CatchUp(room_id, core_.seats().MembersIn(room_id), core_.encoding(), gap.since,
                                 core_.BehindTheRoom(std::move(on_caught_up)));
}

void Gaps::OnCaughtUp(const std::string& room_id, uint64_t question, absl::StatusOr<Admission> admission) {
  if (!contains(room_id)) return;
  Gap& gap = gaps_.Get().at(room_id);
  if (gap.question != question) return;
  // The session is in the room no more; the client has been told that it was taken out.
  if (!admission.ok()) return Forget(room_id);
  Connection& connection = *core_.connection();
  // What was missed is shared with the room; states are not.
  if (!admission->response.recovered() && !connection.HasRoom()) {
    gap.question = 0;
    return;
  }
  const bool tell_members = gap.untold.has_value();
  Forget(room_id);
  admission->channel->GoOn(core_.env().shard, core_.key(), admission->response.room().position().offset());
  if (!admission->response.recovered()) {
    SendSnapshots(*admission, tell_members ? core_.seats().MembersIn(room_id)
                                           : std::vector<std::string>{admission->response.member_id()});
  }
  for (const FramePtr& frame : admission->missed) connection.SendMissed(frame);
}

void Gaps::SendSnapshots(Admission& admission, const std::vector<std::string>& members) {
  for (const std::string& member : members) {
    admission.response.set_member_id(member);
    core_.connection()->SendMissed(MakeSnapshot(admission, core_.own_encoding()));
  }
}

uint64_t Gaps::Coalesce(Outbox& outbox, const Frame* next) {
  absl::flat_hash_map<uint64_t, size_t> bytes = outbox.RoomBytes();
  if (next != nullptr && next->origin().replaceable()) bytes[next->origin().room] += next->size();
  const std::string* largest = nullptr;
  uint64_t key = 0;
  for (const auto& [room_id, room] : core_.seats().rooms()) {
    if (room.channel == nullptr || room.channel->terms().slow_policy != SlowPolicy::kCoalesce) continue;
    const auto it = bytes.find(room.channel->room().key);
    if (it == bytes.end() || (key != 0 && it->second <= bytes[key])) continue;
    largest = &room_id;
    key = it->first;
  }
  if (largest == nullptr) return 0;
  Gap& gap = Open(*largest);
  gap.since.reset();
  gap.question = 0;
  if (next != nullptr && next->origin().room == key && next->origin().kind == FrameOrigin::Kind::kSnapshot) {
    gap.untold = kNever;
  }
  if (outbox.DropRoom(key)) gap.untold = kNever;
  return key;
}

}  // namespace atrium
