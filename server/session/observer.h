#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "server/api/caller.h"
#include "server/live/channel.h"
#include "server/live/room.h"
#include "server/wire/frames.h"

namespace atrium {

class SessionHub;

// What an observer's frames become.
enum class ReaderKind {
  kGrpc,              // a stream of ServerFrames
  kServerSentEvents,  // text/event-stream
  kJsonLines,         // a ServerFrame as JSON on each line
};
inline constexpr int kReaderKinds = 3;

// "grpc", "sse" or "ndjson".
absl::string_view ReaderName(ReaderKind kind);

// Follows one room for a reader that is no member of it. Queues what the room sends, within the limit of a session's
// send queue: volatile frames are dropped first, and a reader that is too slow even so loses its stream, whose queue is
// dropped as a whole: it comes back with the position of what it has read last.
//
// Runs on the shard of its hub. The transport holds it, and lets go of it by Close.
class Observer final : public Subscriber, public std::enable_shared_from_this<Observer> {
 public:
  // What writes the frames.
  class Transport {
   public:
    virtual ~Transport() = default;
    // There is something to take, or the verdict is there. At the end of a turn; not after Close.
    virtual void OnReady() = 0;
  };

  // A frame on its way, and what the reader may name as its position once it has that; nothing if the frame is not
  // recorded.
  struct Item {
    FramePtr frame;
    absl::optional<uint64_t> offset;
  };

  // `transport` must stay until Close.
  Observer(SessionHub& hub, ReaderKind kind, Transport& transport);

  // Begins; its frames, or a verdict, come later.
  void Start(const Caller& caller, const v1::WatchRequest& request);

  // The frames at the front, which are encoded in `encoding()`: of `most` bytes together, but one at least, or none if
  // none wait. They count as queued until the next call, which says that they are written.
  std::vector<Item> Take(size_t most);

  Encoding encoding() const { return encoding_; }
  // Of the room; once there was a frame.
  const std::string& epoch() const { return epoch_; }
  // Queued, in bytes.
  size_t bytes() const { return bytes_; }
  // How the stream ends when the queue is empty: OK if the room has gone, RESOURCE_EXHAUSTED if the reader was too
  // slow, UNAVAILABLE if the server stops, else why it could not begin. Nothing while it goes on.
  const absl::optional<absl::Status>& verdict() const { return verdict_; }

  // Ends it from the server's side.
  void End(absl::Status verdict);
  // The reader has gone, or has got its end: nothing of this object is used after that.
  void Close();

  // Subscriber.
  void Send(const FramePtr& frame) override;
  void OnRemoved(const std::string& room_id, const Removal& removal) override;

 private:
  void OnAdmission(absl::StatusOr<Admission> admission);
  void Push(FramePtr frame, absl::optional<uint64_t> offset);
  void DropVolatile();
  void Leave();
  void WakeSoon();

  SessionHub& hub_;
  const ReaderKind kind_;
  const Encoding encoding_;
  const SessionKey key_;
  // Null once closed.
  Transport* transport_;
  std::string room_id_;
  std::string epoch_;
  // Null while it is in no room.
  std::shared_ptr<Channel> channel_;
  absl::optional<absl::Status> verdict_;
  std::vector<Item> queue_;
  size_t bytes_ = 0;
  // Of it: what was taken last, and what it began with, which is not held against a reader until it has read all.
  size_t taken_bytes_ = 0;
  size_t first_bytes_ = 0;
  bool wake_soon_ = false;
};

}  // namespace atrium
