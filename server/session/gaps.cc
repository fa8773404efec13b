#include "server/session/gaps.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "server/session/connection.h"
#include "server/session/session.h"
#include "server/session/session_hub.h"

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

// Up to where each room has been sent, of those of which something has not; by the room's key.
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
  Channel& channel = *session_.seats().Find(room_id)->channel;
  channel.Pause(session_.hub().shard().index(), session_.key());
  return gaps_[room_id];
}

void Gaps::OpenAll(const std::vector<FramePtr>& unsent) {
  const auto sent = SentOffsets(unsent);
  for (const auto& [room_id, room] : session_.seats().rooms()) {
    if (room.channel == nullptr) continue;
    const bool was_open = gaps_.contains(room_id);
    Gap& gap = Open(room_id);
    gap.question = 0;
    const auto it = sent.find(room.channel->room().key);
    if (it == sent.end()) {
      if (!was_open) gap.since = MakePosition(*room.channel, room.channel->offset(session_.hub().shard().index()));
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

void Gaps::GoOnFrom(const std::string& room_id, v1::Position position) {
  Gap& gap = Open(room_id);
  if (gap.untold) return;
  gap.since = std::move(position);
  Ask(room_id, gap);
}

void Gaps::AskAll(const google::protobuf::RepeatedPtrField<v1::RoomPosition>& known) {
  for (const v1::RoomPosition& room : known) {
    const auto it = gaps_.find(room.room_id());
    if (it == gaps_.end()) continue;
    Gap& gap = it->second;
    const std::string& epoch = session_.seats().Find(room.room_id())->channel->room().epoch;
    if (gap.untold && room.position().epoch() == epoch && room.position().offset() >= *gap.untold) gap.untold.reset();
    if (!gap.untold) gap.since = room.position();
  }
  for (auto& [room_id, gap] : gaps_) Ask(room_id, gap);
}

void Gaps::AskNext() {
  const auto asked = [](const auto& entry) { return entry.second.question != 0; };
  if (gaps_.empty() || std::any_of(gaps_.begin(), gaps_.end(), asked)) return;
  Ask(gaps_.begin()->first, gaps_.begin()->second);
}

void Gaps::Ask(const std::string& room_id, Gap& gap) {
  gap.question = ++last_question_;
  SessionHub& hub = session_.hub();
  hub.api().CatchUp(room_id, session_.MembersIn(room_id), session_.encoding(), gap.since,
                    [&hub, key = session_.key(), room_id, question = gap.question](auto answer) {
                      // Behind what the room has posted before, and before what it posts then.
                      hub.shard().Post([&hub, key, room_id, question, answer = std::move(answer)]() mutable {
                        Session* const session = hub.FindByKey(key);
                        if (session != nullptr) session->gaps().OnAnswer(room_id, question, std::move(answer));
                      });
                    });
}

void Gaps::OnAnswer(const std::string& room_id, uint64_t question, absl::StatusOr<Admission> answer) {
  const auto it = gaps_.find(room_id);
  if (it == gaps_.end() || it->second.question != question) return;
  // It is in the room no more; that it was taken out, the client has been told.
  if (!answer.ok()) return Forget(room_id);
  Connection& connection = *session_.connection();
  // What was missed is shared with the room; states are not.
  if (!answer->response.recovered() && !connection.HasRoom()) {
    it->second.question = 0;
    return;
  }
  const bool tell_members = it->second.untold.has_value();
  gaps_.erase(it);
  answer->channel->GoOn(session_.hub().shard().index(), session_.key(), answer->response.room().position().offset());
  if (!answer->response.recovered()) {
    SendSnapshots(*answer,
                  tell_members ? session_.MembersIn(room_id) : std::vector<std::string>{answer->response.member_id()});
  }
  for (const FramePtr& frame : answer->missed) connection.SendMissed(frame);
}

void Gaps::SendSnapshots(Admission& admission, const std::vector<std::string>& members) {
  for (const std::string& member : members) {
    admission.response.set_member_id(member);
    session_.connection()->SendMissed(MakeSnapshot(admission, session_.own_encoding()));
  }
}

uint64_t Gaps::Coalesce(Outbox& outbox, const Frame* next) {
  absl::flat_hash_map<uint64_t, size_t> bytes = outbox.RoomBytes();
  if (next != nullptr && next->origin().replaceable()) bytes[next->origin().room] += next->size();
  const std::string* largest = nullptr;
  uint64_t key = 0;
  for (const auto& [room_id, room] : session_.seats().rooms()) {
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
