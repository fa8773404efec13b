#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "client-sdk/cli/verify/checks.h"

namespace atrium::verify {
namespace {

bool Contains(const std::vector<std::string>& ids, const std::string& id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

// Walks along one stream.
class StreamCheck {
 public:
  // Offsets that nobody saw are put into `unseen`, with the records around them.
  using Unseen = std::map<uint64_t, std::vector<size_t>>;
  StreamCheck(const Index& index, const Stream& stream, std::vector<Violation>& violations, Unseen& unseen)
      : index_(index),
        stream_(stream),
        room_(stream.room, stream.epoch),
        violations_(violations),
        unseen_(unseen),
        next_(stream.from + 1),
        before_(stream.entered) {}

  void Run() {
    for (const Stream::Step& step : stream_.steps) {
      if (!step.frame) {
        ExpectNothingUpTo(step.offset, step.record);
        continue;
      }
      See(step);
    }
  }

 private:
  void See(const Stream::Step& step) {
    const auto earlier = seen_.find(step.offset);
    if (earlier != seen_.end() || step.offset <= stream_.from) {
      Report(Promise::kNoDuplicate, absl::StrCat("offset ", step.offset, " comes again"),
             {earlier == seen_.end() ? stream_.entered : earlier->second, step.record});
      return;
    }
    seen_.emplace(step.offset, step.record);
    if (step.offset < next_) {
      Report(Promise::kOneOrder, absl::StrCat("offset ", step.offset, " comes behind what follows it"),
             {before_, step.record});
      return;
    }
    if (step.offset > next_) ExpectNothingUpTo(step.offset - 1, step.record);
    next_ = step.offset + 1;
    before_ = step.record;
    const v1::ServerFrame& frame = *index_.frames.at(room_).at(step.offset).frame;
    const CallLog* const call = index_.CallOf(frame);
    if (call != nullptr && !IsFor(*call, frame.event().sender_id(), step.offset)) {
      Report(Promise::kPrivate, absl::StrCat("a client gets offset ", step.offset, ", which is not for it"),
             {stream_.entered, call->asked.front(), step.record});
    }
  }

  // Reports what from next_ to `offset` was for this client; the record `behind` shows that these offsets have passed.
  void ExpectNothingUpTo(uint64_t offset, size_t behind) {
    for (; next_ <= offset; ++next_) {
      if (seen_.count(next_) == 0) ExpectNothingAt(next_, behind);
    }
  }

  void ExpectNothingAt(uint64_t offset, size_t behind) {
    const auto& frames = index_.frames.find(room_);
    if (frames != index_.frames.end()) {
      const auto sight = frames->second.find(offset);
      if (sight != frames->second.end()) return ExpectNotFor(sight->second, offset, behind);
    }
    const auto done = index_.done_at.find(room_);
    if (done != index_.done_at.end()) {
      const auto at = done->second.find(offset);
      if (at != done->second.end()) return ExpectNotDone(index_.calls.at(at->second), offset, behind);
    }
    unseen_.emplace(offset, std::vector<size_t>{before_, behind});
  }

  void ExpectNotFor(const Sight& sight, uint64_t offset, size_t behind) {
    const CallLog* const call = index_.CallOf(*sight.frame);
    if (call != nullptr && !IsFor(*call, sight.frame->event().sender_id(), offset)) return;
    std::vector<size_t> records = {before_, sight.record, behind};
    if (call != nullptr) records.push_back(call->asked.front());
    Report(Promise::kNoGap, absl::StrCat("a client misses offset ", offset), std::move(records));
  }

  void ExpectNotDone(const CallLog& call, uint64_t offset, size_t behind) {
    // Each attempt may have been by another session: which of them did it, only the frame could tell.
    for (const size_t asked : call.asked) {
      const auto& attempt = std::get<Asked>(index_.history.records[asked].what).what;
      if (!IsFor(call, attempt.member_id, offset)) return;
    }
    std::vector<size_t> records = {before_, behind, call.asked.front()};
    records.insert(records.end(), call.answered.begin(), call.answered.end());
    Report(Promise::kAcknowledged,
           absl::StrCat("nobody gets offset ", offset,
                        ", at which a call was acknowledged, not even a client that was "
                        "there"),
           std::move(records));
  }

  bool IsFor(const CallLog& call, const std::string& sender, uint64_t offset) const {
    const Call& what = call.what;
    if (what.kind != Call::Kind::kEmit) return true;
    if (stream_.SeesPublic(offset)) return what.to.empty();
    if (!what.to.empty() && !Contains(what.to, stream_.member_id)) return false;
    if (Contains(what.exclude, stream_.member_id)) return false;
    return sender != stream_.member_id || what.include_self;
  }

  void Report(Promise promise, std::string what, std::vector<size_t> records) {
    violations_.push_back({promise, stream_.room, std::move(what), std::move(records)});
  }

  const Index& index_;
  const Stream& stream_;
  const RoomEpoch room_;
  std::vector<Violation>& violations_;
  Unseen& unseen_;
  uint64_t next_;
  // This is the record of the last frame, or of the entry.
  size_t before_;
  std::map<uint64_t, size_t> seen_;
};

// Counts the calls into `room` that may have been done without anybody saying so, for some members only.
int64_t PossiblyHidden(const Index& index, const std::string& room) {
  int64_t hidden = 0;
  for (const auto& [id, call] : index.calls) {
    const Call& what = call.what;
    if (what.kind == Call::Kind::kEmit && what.room == room) {
      const bool for_some = !what.to.empty() || !what.exclude.empty() || !what.member_id.empty();
      if (for_some) hidden += call.in_doubt;
    }
  }
  return hidden;
}

}  // namespace

void CheckStreams(const Index& index, Counts& counts, std::vector<Violation>& violations) {
  std::map<RoomEpoch, StreamCheck::Unseen> unseen;
  for (const Stream& stream : index.streams) {
    StreamCheck(index, stream, violations, unseen[{stream.room, stream.epoch}]).Run();
    const auto& entered = std::get<Entered>(index.history.records[stream.entered].what);
    const Position& since = entered.since;
    if (entered.recovered && (since.epoch != entered.position.epoch || since.offset != entered.position.offset)) {
      violations.push_back(
          {Promise::kRecovery,
           stream.room,
           absl::StrCat("a client that has all up to ", since.epoch, ":", since.offset, " goes on from elsewhere"),
           {stream.entered}});
    }
  }
  for (const auto& [room, offsets] : unseen) {
    const int64_t hidden = PossiblyHidden(index, room.first);
    if (static_cast<int64_t>(offsets.size()) <= hidden) continue;
    violations.push_back({Promise::kNoGap, room.first,
                          absl::StrCat("nobody has seen offset ", offsets.begin()->first, " (nor ", offsets.size() - 1,
                                       " others), and at most ", hidden, " calls may have made such"),
                          offsets.begin()->second});
  }
  for (const auto& [room, frames] : index.frames) {
    counts.frames_of_rooms += static_cast<int64_t>(frames.size());
    ++counts.epochs;
  }
}

}  // namespace atrium::verify
