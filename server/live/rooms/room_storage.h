#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "server/common/rare.h"
#include "server/live/rooms/idempotency.h"
#include "server/live/rooms/journal.h"
#include "server/live/rooms/member.h"
#include "server/live/rooms/room_record.pb.h"

namespace atrium {

// How a room is kept in the log. Of a room that is in memory only, everything counts as stored at once, and there is
// nothing to put aside. Beside that it has the answers to requests with an idempotency key, of any room.
//
// What others may ask is public; only the room adds to its records. It lives on the room's shard.
class RoomStorage {
 public:
  // The room is in memory only if `journal` is null.
  explicit RoomStorage(std::shared_ptr<Journal> journal) : journal_(std::move(journal)) {}

  bool durable() const { return journal_ != nullptr; }
  bool all_stored() const { return journal_ == nullptr || journal_->all_stored(); }
  // Runs `task` when all that the room has done is on disk, behind what waits for that already. Errors are those of
  // Journal::WhenStored.
  void WhenStored(Journal::Task task);

  // Sees to it that a durable room can be loaded fast, and runs `done` when it may go.
  void PutAside(Journal::Task done);
  // Removes a durable room from the log.
  void Erase(Journal::Task done) { journal_->Erase(std::move(done)); }

  // What is to be stored of an answer goes through KeepAnswer.
  Idempotency& idempotency() { return idempotency_.Get(); }
  void KeepAnswer(StoredAnswer answer);

 private:
  friend class Room;

  // Returns the record of this turn, or null if the room is not durable.
  RoomRecord* record() { return journal_ == nullptr ? nullptr : &journal_->record(); }
  Journal* journal() const { return journal_.get(); }

  void StoreNew(const std::string& epoch, absl::Time create_time);
  void StoreJoin(const Member& member);
  void StoreLeave(const std::string& member_id);
  void StoreSettings(StoredSettings settings);
  // Write to a snapshot, and read from it, the answers.
  void StoreAnswers(RoomSnapshot& snapshot, SteadyTime now);
  void RestoreAnswers(const RoomSnapshot& snapshot, const Moment& now);

  std::shared_ptr<Journal> journal_;
  Rare<Idempotency> idempotency_;
};

// What the log keeps of a member, and the member made of it again, who has no connection. Earlier versions did not
// write when it joined: `create_time`, the room's, stands for that.
StoredMember StoredForm(const Member& member);
Member MemberOf(const StoredMember& stored, absl::Time create_time);

// Reads an object that was stored as JSON; it is empty if there is none.
json::object ReadStoredObject(const std::string& text);

}  // namespace atrium
