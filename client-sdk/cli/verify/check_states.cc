#include <map>

#include "absl/strings/str_cat.h"
#include "client-sdk/cli/format.h"
#include "client-sdk/cli/verify/checks.h"
#include "client-sdk/cli/verify/states.h"

namespace atrium::verify {
namespace {

// Reads the records again, with a copy of the state for each client and room.
class StateCheck {
 public:
  StateCheck(const Index& index, Counts& counts, std::vector<Violation>& violations)
      : index_(index), counts_(counts), violations_(violations) {}

  void Run() {
    for (size_t i = 0; i < index_.history.records.size(); ++i) {
      const Record& record = index_.history.records[i];
      std::visit([&](const auto& what) { Read(i, record.client, what); }, record.what);
    }
  }

 private:
  struct Copy {
    std::string epoch;
    uint64_t offset = 0;
    States::Id state = 0;
    // The state comes from this record.
    size_t record = 0;
  };
  struct Agreed {
    States::Id state;
    // These records tell who had the state first, and what that client had before.
    std::vector<size_t> records;
  };

  template <typename Other>
  void Read(size_t, int, const Other&) {}

  void Read(size_t record, int client, const Entered& entered) {
    const auto copy = copies_.find({client, entered.room});
    if (entered.recovered) {
      // It goes on with its own copy, if that is as old as it said.
      if (copy != copies_.end() && copy->second.epoch != entered.position.epoch) copies_.erase(copy);
      return;
    }
    if (!entered.state) return;
    const States::Id state = states_[entered.room].Add(*entered.state);
    copies_[{client, entered.room}] = {entered.position.epoch, entered.position.offset, state, record};
    const RoomEpoch room(entered.room, entered.position.epoch);
    Compare(room, index_.PatchBefore(room, entered.position.offset), state, {record});
  }

  void Read(size_t record, int, const Knows& knows) {
    if (!knows.state) return;
    const RoomEpoch room(knows.room, knows.position.epoch);
    Compare(room, index_.PatchBefore(room, knows.position.offset), states_[knows.room].Add(*knows.state), {record});
  }

  void Read(size_t record, int client, const Saw& saw) {
    if (!saw.frame->has_patch()) return;
    const std::string& room_id = cli::RoomOf(*saw.frame);
    const auto it = copies_.find({client, room_id});
    if (it == copies_.end()) return;
    Copy& copy = it->second;
    const uint64_t offset = cli::OffsetOf(*saw.frame);
    // A frame that comes twice is found by CheckStreams.
    if (offset <= copy.offset) return;
    const RoomEpoch room(room_id, copy.epoch);
    // This is the frame that all share, where there are several of the same.
    const FramePtr& frame = index_.frames.at(room).at(offset).frame;
    const absl::StatusOr<States::Id> state = states_[room_id].Apply(copy.state, frame);
    if (!state.ok()) {
      if (absl::IsInvalidArgument(state.status())) {
        violations_.push_back(
            {Promise::kEqualState,
             room_id,
             absl::StrCat("the patch at offset ", offset, " does not fit a client's state: ", state.status().message()),
             {copy.record, record}});
      }
      copies_.erase(it);
      return;
    }
    const size_t before = copy.record;
    copy.offset = offset;
    copy.state = *state;
    copy.record = record;
    Compare(room, offset, *state, {before, record});
  }

  void Compare(const RoomEpoch& room, uint64_t patch_offset, States::Id state, std::vector<size_t> records) {
    ++counts_.states_compared;
    const auto [it, is_new] = agreed_[room].emplace(patch_offset, Agreed{state, records});
    if (is_new || it->second.state == state) return;
    records.insert(records.end(), it->second.records.begin(), it->second.records.end());
    const States& states = states_[room.first];
    violations_.push_back({Promise::kEqualState, room.first,
                           absl::StrCat("with the same patches, up to offset ", patch_offset, ", one has the state ",
                                        states.Text(it->second.state).substr(0, kLongestState), " and another ",
                                        states.Text(state).substr(0, kLongestState)),
                           std::move(records)});
  }

  static constexpr size_t kLongestState = 400;

  const Index& index_;
  Counts& counts_;
  std::vector<Violation>& violations_;
  std::map<std::string, States> states_;  // by room
  std::map<std::pair<int, std::string>, Copy> copies_;
  std::map<RoomEpoch, std::map<uint64_t, Agreed>> agreed_;
};

}  // namespace

void CheckStates(const Index& index, Counts& counts, std::vector<Violation>& violations) {
  StateCheck(index, counts, violations).Run();
}

}  // namespace atrium::verify
