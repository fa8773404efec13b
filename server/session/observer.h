#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/api/caller.h"
#include "server/live/rooms/admission.h"
#include "server/live/rooms/channel.h"
#include "server/session/reader_kind.h"
#include "server/session/reading_pace.h"
#include "server/wire/frames.h"

namespace atrium {

class SessionHub;

// Follows one room for a reader that is no member of it. Queues what the room sends, within the bound of a session's
// send queue (its limit and one larger frame): volatile frames are dropped first. A reader that is over it gets nothing
// more until half of the queue is free, and then what it missed, or a snapshot. One that takes less than
// ReadingPace::kSlow meanwhile loses its stream, whose queue is dropped as a whole: it comes back with the position of
// what it has read last.
//
// Runs on the shard of its hub. The transport holds it, and lets go of it by Close.
class Observer final : public Subscriber, public std::enable_shared_from_this<Observer> {
 public:
  // What writes the frames.
  class Transport {
   public:
    virtual ~Transport() = default;
    // There is something to take, or the verdict is there. Called at the end of a turn, and not after Close.
    virtual void OnReady() = 0;
  };

  // A frame on its way. A reader that has it may name the offset as its position; a frame that is not recorded has
  // none.
  struct Item {
    FramePtr frame;
    std::optional<uint64_t> offset;
  };

  // `transport` must stay until Close.
  Observer(SessionHub& hub, ReaderKind kind, Transport& transport);

  // Asks for the room; its frames, or a verdict, come later.
  void Start(const Caller& caller, const v1::WatchRequest& request);

  // Takes the frames at the front, which are encoded in `encoding()`: of `most` bytes together, but one at least, or
  // none if none wait. They count as queued until the next call, which says that they are written.
  std::vector<Item> Take(size_t most);

  Encoding encoding() const { return encoding_; }
  // Returns the epoch of the room, once there was a frame.
  const std::string& epoch() const { return epoch_; }
  ReaderKind kind() const { return kind_; }
  const Caller& caller() const { return caller_; }
  // Returns how much is queued, in bytes.
  size_t bytes() const { return bytes_; }
  // Returns how the stream ends when the queue is empty: OK if the room has gone, RESOURCE_EXHAUSTED if the reader was
  // too slow, UNAVAILABLE if the server stops, else why the room could not be followed. Absent while it goes on.
  const std::optional<absl::Status>& verdict() const { return verdict_; }

  // Ends it from the server's side.
  void End(absl::Status verdict);
  // Lets go of the room: the reader has gone, or has got its end. Nothing of this object is used after that.
  void Close();

  // These are the room's, as of any Subscriber.
  void Send(const FramePtr& frame) override;
  void OnRemoved(const std::string& room_id, const Removal& removal) override;

 private:
  // Asks the room for what follows on `since`.
  void Ask(const v1::WatchRequest& request);
  void OnAdmission(absl::StatusOr<Admission> admission);
  // Queues what the room has for the reader, whatever the limit.
  void PushAdmission(Admission admission, bool with_snapshot);
  // Puts the room off, because the queue is over its bound.
  void Pause();
  void JudgePace();
  // Asks the room for what was missed: half of the queue is free again.
  void GoOn();
  bool Fits(size_t size) const;
  void Push(FramePtr frame, std::optional<uint64_t> offset);
  void DropVolatile();
  void Leave();
  void WakeSoon();

  SessionHub& hub_;
  Caller caller_ = Caller::Client({});
  const ReaderKind kind_;
  const Encoding encoding_;
  const SessionKey key_;
  // Null once closed.
  Transport* transport_;
  std::string room_id_;
  std::string epoch_;
  // Null while it follows no room.
  std::shared_ptr<Channel> channel_;
  std::optional<absl::Status> verdict_;
  std::vector<Item> queue_;
  size_t bytes_ = 0;
  // So much of it was taken last, and so much is not held against a reader until it has read all: what it got at first
  // or missed, and one larger frame.
  size_t taken_bytes_ = 0;
  size_t allowed_bytes_ = 0;
  bool has_larger_ = false;
  // The last frame of the room's history that was queued has this offset.
  uint64_t offset_ = 0;
  // Absent unless the queue is over its bound.
  std::optional<ReadingPace> pace_;
  Shard::TimerId judgement_ = 0;
  bool wake_soon_ = false;
};

}  // namespace atrium
