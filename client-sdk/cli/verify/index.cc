#include "client-sdk/cli/verify/index.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client-sdk/cli/format.h"
#include "client-sdk/cli/verify/frame.h"

namespace atrium::verify {

uint64_t Stream::end() const {
  uint64_t end = from;
  for (const Step& step : steps) end = std::max(end, step.offset);
  return end;
}

Index::Index(const History& given) : history(given) {
  for (size_t i = 0; i < history.records.size(); ++i) {
    const Record& record = history.records[i];
    std::visit([&](const auto& what) { Add(i, record.client, what); }, record.what);
  }
  for (auto& [room, offsets] : patches_) std::sort(offsets.begin(), offsets.end());
}

const CallLog* Index::CallOf(const v1::ServerFrame& frame) const {
  const CallLog* found = nullptr;
  ForEachMarker(frame, [&](const std::string& marker) {
    const auto it = call_of_marker.find(marker);
    if (it != call_of_marker.end()) found = &calls.at(it->second);
  });
  return found;
}

uint64_t Index::PatchBefore(const RoomEpoch& room, uint64_t offset) const {
  const auto it = patches_.find(room);
  if (it == patches_.end()) return 0;
  const auto behind = std::upper_bound(it->second.begin(), it->second.end(), offset);
  return behind == it->second.begin() ? 0 : *(behind - 1);
}

void Index::Add(size_t record, int, const Asked& asked) {
  CallLog& call = calls[asked.call];
  if (call.asked.empty()) call.what = asked.what;
  call.asked.push_back(record);
  if (!asked.what.marker.empty()) call_of_marker[asked.what.marker] = asked.call;
}

void Index::Add(size_t record, int, const Answered& answered) {
  CallLog& call = calls[answered.call];
  if (answered.in_doubt) {
    ++call.in_doubt;
    return;
  }
  call.answered.push_back(record);
  if (!answered.status.ok()) ++call.refused;
  if (!answered.status.ok() || !answered.position) return;
  call.done.push_back(*answered.position);
  done_at[{call.what.room, answered.position->epoch}][answered.position->offset] = answered.call;
}

void Index::Add(size_t record, int client, const Entered& entered) {
  open_[{client, entered.room}] = streams.size();
  streams.push_back({.client = client,
                     .room = entered.room,
                     .epoch = entered.position.epoch,
                     .member_id = entered.member_id,
                     .entered = record,
                     .from = entered.position.offset,
                     .public_until = entered.public_until});
}

void Index::Add(size_t record, int client, const Saw& saw) {
  const std::string& room = cli::RoomOf(*saw.frame);
  const uint64_t offset = cli::OffsetOf(*saw.frame);
  const auto open = open_.find({client, room});
  if (open == open_.end()) {
    violations.push_back({Promise::kPrivate, room, "a client gets a frame of a room that it is not in", {record}});
    return;
  }
  Stream& stream = streams[open->second];
  if (offset == 0) return;
  stream.steps.push_back({.record = record, .offset = offset, .frame = true});
  const RoomEpoch key(room, stream.epoch);
  const auto [it, is_new] = frames[key].emplace(offset, Sight{saw.frame, record});
  if (is_new) {
    if (saw.frame->has_patch()) patches_[key].push_back(offset);
    ForEachMarker(*saw.frame, [&](const std::string& marker) {
      marks[marker].push_back({stream.epoch, offset, saw.frame->has_event(), record});
    });
  } else if (it->second.frame != saw.frame && Bytes(*it->second.frame) != Bytes(*saw.frame)) {
    violations.push_back({Promise::kOneOrder,
                          room,
                          absl::StrCat("offset ", offset, " is one frame for one client and another for another"),
                          {it->second.record, record}});
  }
}

void Index::Add(size_t record, int client, const Knows& knows) {
  if (knows.last) last[knows.room] = record;
  const auto open = open_.find({client, knows.room});
  if (open == open_.end() || streams[open->second].epoch != knows.position.epoch) return;
  streams[open->second].steps.push_back({.record = record, .offset = knows.position.offset});
}

void Index::Add(size_t, int client, const Exited& exited) { open_.erase({client, exited.room}); }

void Index::Add(size_t, int client, const Reconnected& back) {
  if (back.resumed) return;
  open_.erase(open_.lower_bound({client, ""}), open_.lower_bound({client + 1, ""}));
}

}  // namespace atrium::verify
