#include <map>

#include "absl/strings/str_cat.h"
#include "client-sdk/cli/format.h"
#include "client-sdk/cli/verify/checks.h"

namespace atrium::verify {
namespace {

class RoomCheck {
 public:
  RoomCheck(const Index& index, std::vector<Violation>& violations) : index_(index), violations_(violations) {}

  void Run() {
    for (size_t i = 0; i < index_.history.records.size(); ++i) {
      const Record& record = index_.history.records[i];
      std::visit([&](const auto& what) { Read(i, record.client, what); }, record.what);
    }
  }

 private:
  struct Room {
    // 0 means no limit.
    int seats = 0;
    size_t seats_known = 0;
    // These are in by all accounts: from their entry until they ask to leave or lose their connection.
    std::map<int, size_t> inside;
    // These are of the first entry.
    std::string epoch;
    size_t entered = 0;
  };

  template <typename Other>
  void Read(size_t, int, const Other&) {}

  void Read(size_t record, int client, const Entered& entered) {
    Room& room = rooms_[entered.room];
    if (room.epoch.empty()) {
      room.epoch = entered.position.epoch;
      room.entered = record;
    } else if (room.epoch != entered.position.epoch && index_.history.durable_rooms.count(entered.room) > 0) {
      violations_.push_back({Promise::kDurable, entered.room, "the room has a new epoch", {room.entered, record}});
      room.epoch = entered.position.epoch;
    }
    if (entered.max_members > 0) {
      room.seats = entered.max_members;
      room.seats_known = record;
    }
    CheckCount(record, entered.room, room, entered.members);
    if (entered.member_id.empty()) return;
    room.inside[client] = record;
    // A client hears late of a server that has ended.
    if (index_.history.crashes || room.seats == 0 || room.inside.size() <= static_cast<size_t>(room.seats)) return;
    std::vector<size_t> records;
    for (const auto& [who, since] : room.inside) records.push_back(since);
    violations_.push_back({Promise::kCapacity, entered.room,
                           absl::StrCat(room.inside.size(), " clients are in a room of ", room.seats, " seats"),
                           std::move(records)});
  }

  void Read(size_t record, int, const Saw& saw) {
    if (!saw.frame->has_member()) return;
    const std::string& id = cli::RoomOf(*saw.frame);
    CheckCount(record, id, rooms_[id], saw.frame->member().count());
  }

  void Read(size_t, int client, const Asked& asked) {
    if (asked.what.kind == Call::Kind::kLeave) rooms_[asked.what.room].inside.erase(client);
  }
  void Read(size_t, int client, const Exited& exited) { rooms_[exited.room].inside.erase(client); }
  void Read(size_t, int client, const LostConnection&) {
    for (auto& [id, room] : rooms_) room.inside.erase(client);
  }

  void CheckCount(size_t record, const std::string& id, const Room& room, int members) {
    if (room.seats == 0 || members <= room.seats) return;
    violations_.push_back({Promise::kCapacity,
                           id,
                           absl::StrCat("there are ", members, " members in a room of ", room.seats, " seats"),
                           {room.seats_known, record}});
  }

  const Index& index_;
  std::vector<Violation>& violations_;
  std::map<std::string, Room> rooms_;
};

}  // namespace

void CheckRooms(const Index& index, std::vector<Violation>& violations) { RoomCheck(index, violations).Run(); }

}  // namespace atrium::verify
