#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/session/close_code.h"
#include "server/session/outbox.h"
#include "server/wire/client_request.h"
#include "server/wire/frames.h"

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
  // `address` is the client's IP address; empty if it is unknown.
  Connection(SessionHub& hub, Encoding encoding, std::string address);
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
  void set_session(Session* session) { session_ = session; }

  // Queues a frame. When the queue passes its limit, volatile frames are dropped, then those of rooms for which a
  // snapshot may stand; if that does not help, the session is detached, and the connection closed at the end of the
  // turn (3008). A frame larger than the limit passes into an empty queue.
  void Send(const FramePtr& frame);
  // Queues what a room has for a client that catches up: whatever the limit, beside which it does not count.
  void SendMissed(const FramePtr& frame);
  // Half of the queue is free.
  bool HasRoom();

  // Says goodbye and closes: what is queued goes out first. The session ends now, or waits for its client to come back,
  // as the code says.
  void Close(CloseCode code, absl::string_view reason);
  // Drops what has not begun to be sent.
  void DropQueue() { outbox_.DropUnbegun(); }

  // At the end of the turn the connection goes over to the hub `to`, with `hello` and all that comes behind it.
  void MoveTo(SessionHub& to, ClientRequest hello);

  // Once a second: deadlines.
  void Tick(absl::Time now);

 protected:
  // The transport's part. Write sends what it can of the outbox and sees to the rest; called at the end of a turn in
  // which something was queued. FinishClose follows the goodbye: close once all is written. Abort: close now.
  virtual void Write() = 0;
  // Takes off the outbox what has been sent, if that is not told as it happens. Called when the queue seems full, when
  // it is looked at, and once a second.
  virtual void Settle() {}
  virtual void FinishClose(CloseCode code, absl::string_view reason) = 0;
  virtual void Abort() = 0;
  // Asks the client whether it is still there.
  virtual void Ping() = 0;
  // Lets go of the shard that it is on: nothing runs there any more. Then, on the shard of next_hub(), goes on there.
  virtual void Depart() = 0;
  virtual void Arrive() = 0;

  // For the transport. OnRequest comes soon, and now.
  void PrefetchSession() const;
  void OnRequest(ClientRequest request);
  // Something came from the client.
  void Heard();
  // The client has gone: its session ends if it `said_goodbye`, else waits for it. The transport finishes its close.
  void PeerLeft(bool said_goodbye);
  // The transport has closed: the session waits for its client, and the hub lets go of this object.
  void Closed();
  // Queues bytes of the transport's own, under the same limit as frames.
  void Queue(Outbox::Bytes bytes);
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
  void AtTurnEnd();
  // On its new shard.
  void GoOn();

  // The frame as this connection gets it.
  FramePtr Fit(const FramePtr& frame) const;
  // Whether `size` bytes more may be queued, of `frame` if they are one; see Send.
  bool MakeRoom(size_t size, const FramePtr& frame);
  void Overflow(const FramePtr& frame);

  // Set on its old shard, when it moves.
  SessionHub* hub_;
  Session* session_ = nullptr;
  SessionHub* move_to_ = nullptr;
  // Until a hello: when it must be there. Then, when the client was last heard.
  absl::Time last_heard_;
  const Encoding encoding_;
  bool pinged_ = false;
  bool closing_ = false;
  bool overflowed_ = false;
  bool write_soon_ = false;
  absl::Time close_deadline_ = absl::InfiniteFuture();
  // The hello that it moves for, and what came behind.
  std::vector<ClientRequest> held_;
  const std::string address_;
};

}  // namespace atrium
