#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/live/shards/socket.h"
#include "server/session/close_code.h"
#include "server/session/outbox.h"
#include "server/session/pong_wait.h"
#include "server/session/reading_pace.h"
#include "server/wire/client_request.h"
#include "server/wire/frames.h"
#include "server/wire/payload.h"

namespace atrium {

class Session;
class SessionHub;

// One WebSocket or one gRPC Connect stream. Sessions live apart from it: it carries frames, and what they mean is the
// session's business.
//
// Frames are queued and go out together at the end of the turn, by the one Write of the transport. Runs on the shard of
// its hub, which owns it until the transport has closed; it moves to another once at most, when its hello asks for a
// session there.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // `address` is the client's IP address; empty if it is unknown. `place` is that of its socket.
  Connection(SessionHub& hub, Encoding encoding, std::string address, Socket::Place place = nullptr);
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  SessionHub& hub() const { return *hub_; }
  Encoding encoding() const { return encoding_; }
  const std::string& address() const { return address_; }
  const Outbox& outbox() {
    Settle();
    return outbox_;
  }
  Session* session() const { return session_; }
  void set_session(Session* session) {
    session_ = session;
    if (session != nullptr) place_ = nullptr;
  }
  // Its client has shown this token, which counts if its hello has none; it may be empty.
  void Present(std::string token);
  // Returns that token, which is asked for once.
  std::string TakeToken();

  // The hub has added it: what it waits for counts from now on. It may have been made on the shard of another.
  void OnAdded();

  // Queues a frame. One that does not fit in makes room: volatile frames are dropped, then those of rooms for which a
  // snapshot may stand. If that does not help, one such frame goes beside what the limit counts. With a further one the
  // queue is over its bound until half of it is free: frames of rooms are put off (Gaps::PutOff), the client's
  // requests wait, and if it takes less than ReadingPace::kSlow, it is closed (3008).
  void Send(const FramePtr& frame);
  // Queues what a room has for a client that catches up: whatever the limit, beside which it does not count.
  void SendMissed(const FramePtr& frame);
  // Answers a request of the client with an error.
  void SendError(uint32_t id, const absl::Status& error);
  // Whether half of the queue is free.
  bool HasRoom();
  // Whether a frame with this state of a room can be queued; if not, the queue is over its bound from here on.
  bool Takes(const Payload& state);
  bool over_its_bound() const { return pace_ != nullptr; }

  // Says goodbye and closes: what is queued goes out first. The session ends now, or waits for its client to come back,
  // as the code says.
  void Close(CloseCode code, absl::string_view reason);
  // Drops what has not begun to be sent.
  void DropQueue() { outbox_.DropUnbegun(); }

  // At the end of the turn the connection goes over to the hub `to`, with `hello` and all that comes behind it.
  void MoveTo(SessionHub& to, ClientRequest hello);

  // Looks at its deadlines, once a second.
  void Tick(SteadyTime now);
  // Writes what was queued in the turn that ends.
  void AtTurnEnd();

 protected:
  // These are the transport's part. Write sends what it can of the outbox and sees to the rest; it is called at the end
  // of a turn in which something was queued. FinishClose follows the goodbye: it closes once all is written. Abort
  // closes now.
  virtual void Write() = 0;
  // Takes off the outbox what has been sent, if that is not told as it happens. Called when the queue seems full, when
  // it is looked at, and once a second.
  virtual void Settle() {}
  // Tries to write although the socket has not said that it takes more: it says so late, when much of its buffer is
  // free.
  virtual void TryToWrite() {}
  virtual void FinishClose(CloseCode code, absl::string_view reason) = 0;
  virtual void Abort() = 0;
  // Asks the client whether it is still there; false if nothing is queued for that.
  virtual bool Ping() = 0;
  // Returns how many bytes of what was written the client has not taken: its machine has not acknowledged them. 0 if
  // the transport does not know.
  virtual size_t UntakenBytes() const { return 0; }
  // Lets go of the shard that it is on: nothing runs there any more. Then, on the shard of next_hub(), goes on there.
  virtual void Depart() = 0;
  virtual void Arrive() = 0;

  // What follows is for the transport. A message comes soon.
  void PrefetchSession() const;
  // A message has come, of so many bytes, unpacked: counts it against the rate of the session, or against the little
  // that may be said before a hello. If it passes, OnRequest is next; else Refuse, or nothing if it is closing.
  bool CountMessage(size_t bytes);
  // Does the same for a frame that is no message by itself.
  void CountFrame();
  void OnRequest(ClientRequest request);
  // Answers that the rate is exceeded, with the id of the request if that can be read, or 0.
  void Refuse(uint32_t id);
  // Whether the next message may be read; if not, and the connection is not moving, for how long not.
  bool MayRead() const { return !moving() && !MustPause(); }
  bool MustPause() const;
  absl::Duration ReadPause() const;
  // Returns when the message began that is half read, if the client is to send the rest.
  virtual SteadyTime HalfReadSince() const { return SteadyTime::InfiniteFuture(); }
  // Something came from the client.
  void Heard();
  // The client has gone: its session ends if it `said_goodbye`, else waits for it. The transport finishes its close.
  void PeerLeft(bool said_goodbye);
  // The transport has closed: the session waits for its client, and the hub lets go of this object.
  void Closed();
  // Queues bytes of the transport's own, under the same limit as frames. False if they are dropped.
  bool Queue(Outbox::Bytes bytes);
  // `bytes` of the outbox have been sent.
  void Sent(size_t bytes);
  // Sees to it that Write runs at the end of the turn.
  void WriteSoon();
  bool closing() const { return closing_; }
  // Nothing more is to be read here.
  bool moving() const { return move_to_ != nullptr; }
  SessionHub& next_hub() const { return *move_to_; }

  Outbox outbox_;

 private:
  friend class SessionHub;
  // Goes on, on its new shard.
  void GoOn();

  void SendError(uint32_t id, const google::rpc::Status& error);
  // Returns the frame as this connection gets it.
  FramePtr Fit(const FramePtr& frame) const;
  // Says where something to be sent goes; see Send.
  enum class Place { kQueue, kBeside, kBeyond, kNowhere };
  // Returns the place for `size` bytes, which are `frame` if that is not null.
  Place PlaceFor(size_t size, const Frame* frame) { return Fits(size) ? Place::kQueue : MakeRoom(size, frame); }
  Place MakeRoom(size_t size, const Frame* frame);
  bool Fits(size_t size) const;
  void PassBound();
  bool PongIsOverdue(SteadyTime now);
  // The queue, which was over its bound, is half free; or it is looked at whether the client is to be given up.
  void ComeWithinBound();
  void JudgePace(SteadyTime now);
  // Memory is scarce: a long queue is made shorter, or its client is given up.
  void ShortenQueue();
  void GiveUp();

  // It is set on the old shard, when the connection moves.
  SessionHub* hub_;
  Session* session_ = nullptr;
  SessionHub* move_to_ = nullptr;
  // By the hub's time: a client that is to say hello came to the hub then; one that has said it was last heard then, or
  // was last due for a ping that its transport sends by itself.
  SteadyTime waiting_since_;
  // Null unless the client is pinged and has not been heard since.
  std::unique_ptr<PongWait> pong_;
  const Encoding encoding_;
  bool closing_ = false;
  bool overflowed_ = false;
  bool write_soon_ = false;
  // A client may say so much before its hello, in messages of 16 KiB.
  uint8_t before_hello_ = 20;
  // CountFrame has counted so many frames since it charged for them.
  uint8_t frames_ = 0;
  SteadyTime close_deadline_ = SteadyTime::InfiniteFuture();
  // Null unless the queue is over its bound.
  std::unique_ptr<ReadingPace> pace_;
  // These wait: the hello that it moves for, and what came behind; or what came while the queue was over its bound.
  std::vector<ClientRequest> held_;
  const std::string address_;
  // It counts against the limit of its address until its hello has been taken.
  Socket::Place place_;
  // This is null unless its client has shown a token that is not asked for yet.
  std::unique_ptr<const std::string> token_;
};

}  // namespace atrium
