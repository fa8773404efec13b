#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/session/close_code.h"
#include "server/session/outbox.h"
#include "server/wire/frames.h"

namespace atrium {

class Session;
class SessionHub;

// One WebSocket or one gRPC Connect stream. Sessions live apart from it: it carries frames, and what they mean is the
// session's business.
//
// Frames are queued and go out together at the end of the turn, by the one Write of the transport. Runs on the shard of
// its hub, which owns it until the transport has closed.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // `address` is the client's IP address; empty if it is unknown.
  Connection(SessionHub& hub, Encoding encoding, std::string address);
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Encoding encoding() const { return encoding_; }
  const std::string& address() const { return address_; }
  size_t queue_bytes() const { return outbox_.bytes(); }
  Session* session() const { return session_; }
  void set_session(Session* session) { session_ = session; }

  // Queues a frame that was encoded for this connection. When the queue passes its limit, volatile frames are dropped;
  // if that does not help, the connection is closed at the end of the turn (3008). A frame larger than the limit passes
  // into an empty queue.
  void Send(const FramePtr& frame);

  // Says goodbye and closes: what is queued goes out first. The session ends now.
  void Close(CloseCode code, absl::string_view reason);

  // Once a second: deadlines.
  void Tick(absl::Time now);

 protected:
  // The transport's part. Write sends what it can of the outbox and sees to the rest; called at the end of a turn in
  // which something was queued. FinishClose follows the goodbye: close once all is written. Abort: close now.
  virtual void Write() = 0;
  virtual void FinishClose(CloseCode code, absl::string_view reason) = 0;
  virtual void Abort() = 0;
  // Asks the client whether it is still there.
  virtual void Ping() = 0;

  // For the transport.
  void OnRequest(ClientRequest request);
  // Something came from the client.
  void Heard();
  // The client has said goodbye itself: its session ends now, the transport finishes its close.
  void PeerLeft();
  // The transport has closed: the session ends, and the hub lets go of this object.
  void Closed();
  // Queues bytes of the transport's own, under the same limit as frames.
  void Queue(Outbox::Bytes bytes, bool is_volatile = false);
  // Sees to it that Write runs at the end of the turn.
  void WriteSoon();
  bool closing() const { return closing_; }
  SessionHub& hub() { return hub_; }

  Outbox outbox_;

 private:
  friend class SessionHub;
  void AtTurnEnd();

  SessionHub& hub_;
  const Encoding encoding_;
  const std::string address_;
  Session* session_ = nullptr;
  // Until a hello: when it must be there. Then, when the client was last heard.
  absl::Time last_heard_;
  absl::Time close_deadline_ = absl::InfiniteFuture();
  bool pinged_ = false;
  bool closing_ = false;
  bool overflowed_ = false;
  bool write_soon_ = false;
};

}  // namespace atrium
