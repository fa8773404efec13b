#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "client-sdk/cli/verify/checks.h"

namespace atrium::verify {
namespace {

class WriteCheck {
 public:
  WriteCheck(const Index& index, Counts& counts, std::vector<Violation>& violations)
      : index_(index), counts_(counts), violations_(violations) {}

  void Run() {
    for (const auto& [id, call] : index_.calls) {
      if (call.what.kind == Call::Kind::kJoin) counts_.joins_refused += call.refused;
      if (call.what.marker.empty()) continue;
      Count(call);
      CheckOnce(call);
      CheckAnswers(call);
      if (call.ok()) CheckThere(call);
      if (!call.ok() && call.in_doubt == 0) CheckNotThere(call);
      if (call.what.kind == Call::Kind::kSetState && call.what.expected_offset) CheckCondition(call);
    }
  }

 private:
  void Count(const CallLog& call) {
    ++counts_.writes_asked;
    if (call.asked.size() > 1) ++counts_.writes_repeated;
    if (call.ok()) {
      ++counts_.writes_acknowledged;
    } else {
      ++(call.in_doubt > 0 ? counts_.writes_in_doubt : counts_.writes_refused);
    }
    if (!call.what.expected_offset) return;
    if (call.ok()) ++counts_.conditional_won;
    if (!call.ok() && call.refused > 0) ++counts_.conditional_lost;
  }

  // Returns where the call shows: in events, or for SetState in patches.
  std::vector<Mark> MarksOf(const CallLog& call) const {
    std::vector<Mark> marks;
    const auto it = index_.marks.find(call.what.marker);
    if (it == index_.marks.end()) return marks;
    for (const Mark& mark : it->second) {
      if (mark.in_event == (call.what.kind != Call::Kind::kSetState)) marks.push_back(mark);
    }
    return marks;
  }

  void CheckOnce(const CallLog& call) {
    std::map<std::string, Mark> first;
    for (const Mark& mark : MarksOf(call)) {
      const auto [it, is_new] = first.emplace(mark.epoch, mark);
      if (is_new) continue;
      Report(Promise::kOnce, call,
             absl::StrCat(call.what.marker, " is there twice, at offsets ", it->second.offset, " and ", mark.offset),
             {it->second.record, mark.record});
    }
  }

  // Checks that each attempt gets the same answer, as long as the room goes on.
  void CheckAnswers(const CallLog& call) {
    std::map<std::string, uint64_t> told;
    for (const Position& done : call.done) {
      const auto [it, is_new] = told.emplace(done.epoch, done.offset);
      if (is_new || it->second == done.offset) continue;
      Report(Promise::kOnce, call,
             absl::StrCat(call.what.marker, " was repeated with its key and answered with offset ", it->second,
                          " and then ", done.offset),
             {});
    }
  }

  void CheckThere(const CallLog& call) {
    const std::vector<Mark> marks = MarksOf(call);
    if (call.done.empty()) return CheckSomewhere(call, marks);
    bool seen = true;
    for (const Position& done : call.done) seen = CheckAt(call, marks, done) && seen;
    ++(seen ? counts_.writes_seen : counts_.writes_out_of_reach);
  }

  // Returns false if nobody can say.
  bool CheckAt(const CallLog& call, const std::vector<Mark>& marks, const Position& done) {
    const RoomEpoch room(call.what.room, done.epoch);
    for (const Mark& mark : marks) {
      if (mark.epoch != done.epoch) continue;
      if (mark.offset == done.offset) return true;
      Report(Promise::kAcknowledged, call,
             absl::StrCat(call.what.marker, " was acknowledged at offset ", done.offset, " and is at ", mark.offset),
             {mark.record});
      return true;
    }
    const auto frames = index_.frames.find(room);
    if (frames != index_.frames.end()) {
      const auto other = frames->second.find(done.offset);
      if (other != frames->second.end()) {
        Report(Promise::kAcknowledged, call,
               absl::StrCat(call.what.marker, " was acknowledged at offset ", done.offset,
                            ", and something else is there"),
               {other->second.record});
        return true;
      }
    }
    const auto last = index_.last.find(call.what.room);
    if (last == index_.last.end()) return false;
    const auto& end = std::get<Knows>(index_.history.records[last->second].what);
    if (end.position.epoch != done.epoch || end.position.offset >= done.offset) return false;
    Report(Promise::kAcknowledged, call,
           absl::StrCat(call.what.marker, " was acknowledged at offset ", done.offset, ", and the room ends before"),
           {last->second});
    return true;
  }

  // Checks a call whose answer has no position.
  void CheckSomewhere(const CallLog& call, const std::vector<Mark>& marks) {
    if (!marks.empty()) {
      ++counts_.writes_seen;
      return;
    }
    // An emit into a room that is not there does nothing.
    if (call.what.kind != Call::Kind::kMethod) return;
    ++counts_.writes_out_of_reach;
    if (!SeenWhole(call.what.room)) return;
    Report(Promise::kAcknowledged, call,
           absl::StrCat(call.what.marker, " was acknowledged and is not in the room, all of which was seen"), {});
  }

  // Returns whether those who see all that is public have seen the room from the first to the last, in one epoch.
  bool SeenWhole(const std::string& room) {
    const auto known = seen_whole_.find(room);
    if (known != seen_whole_.end()) return known->second;
    std::vector<std::pair<uint64_t, uint64_t>> spans;
    std::set<std::string> epochs;
    uint64_t end = 0;
    for (const Stream& stream : index_.streams) {
      if (stream.room != room) continue;
      epochs.insert(stream.epoch);
      end = std::max(end, stream.end());
      if (stream.member_id.empty()) spans.emplace_back(stream.from, stream.end());
    }
    std::sort(spans.begin(), spans.end());
    bool whole = epochs.size() == 1 && !spans.empty() && index_.last.count(room) > 0;
    uint64_t reached = spans.empty() ? 0 : spans.front().second;
    for (const auto& [from, to] : spans) {
      if (from > reached) whole = false;
      reached = std::max(reached, to);
    }
    return seen_whole_[room] = whole && reached >= end;
  }

  void CheckNotThere(const CallLog& call) {
    for (const Mark& mark : MarksOf(call)) {
      Report(Promise::kAcknowledged, call,
             absl::StrCat(call.what.marker, " was refused, and yet it is at offset ", mark.offset), {mark.record});
    }
  }

  void CheckCondition(const CallLog& call) {
    const uint64_t expected = *call.what.expected_offset;
    for (const Position& done : call.done) {
      if (done.offset <= expected) continue;
      const auto key = std::make_tuple(call.what.room, done.epoch, expected);
      const auto [winner, is_first] = winners_.emplace(key, &call);
      if (!is_first && winner->second != &call) {
        std::vector<size_t> records = winner->second->asked;
        records.insert(records.end(), winner->second->answered.begin(), winner->second->answered.end());
        Report(Promise::kConditional, call, absl::StrCat("two writes win on offset ", expected), std::move(records));
      }
      const RoomEpoch room(call.what.room, done.epoch);
      const uint64_t patch = index_.PatchBefore(room, done.offset - 1);
      if (patch <= expected) continue;
      Report(Promise::kConditional, call,
             absl::StrCat(call.what.marker, " wins on offset ", expected, " though the state has changed at offset ",
                          patch),
             {index_.frames.at(room).at(patch).record});
    }
  }

  // Reports a violation, with the records of the call behind the given ones.
  void Report(Promise promise, const CallLog& call, std::string what, std::vector<size_t> records) {
    records.insert(records.end(), call.asked.begin(), call.asked.end());
    records.insert(records.end(), call.answered.begin(), call.answered.end());
    violations_.push_back({promise, call.what.room, std::move(what), std::move(records)});
  }

  const Index& index_;
  Counts& counts_;
  std::vector<Violation>& violations_;
  std::map<std::tuple<std::string, std::string, uint64_t>, const CallLog*> winners_;
  std::map<std::string, bool> seen_whole_;
};

}  // namespace

void CheckWrites(const Index& index, Counts& counts, std::vector<Violation>& violations) {
  WriteCheck(index, counts, violations).Run();
}

}  // namespace atrium::verify
