#include "server/grpc/connect_connection.h"

#include <grpcpp/support/byte_buffer.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/grpc/connect_stream.h"
#include "server/session/session.h"

namespace atrium {
namespace {

// A message of more frames than this brings nothing more.
constexpr size_t kMessageBytes = 256 * 1024;

::grpc::StatusCode CodeFor(CloseCode code) {
  switch (code) {
    case CloseCode::kShutdown: return ::grpc::StatusCode::UNAVAILABLE;
    case CloseCode::kSlowConsumer: return ::grpc::StatusCode::RESOURCE_EXHAUSTED;
    case CloseCode::kNoPong:
    case CloseCode::kNoHello: return ::grpc::StatusCode::DEADLINE_EXCEEDED;
    case CloseCode::kDisconnected:
    case CloseCode::kResumedElsewhere: return ::grpc::StatusCode::ABORTED;
    case CloseCode::kProtocolError:
    case CloseCode::kInvalidUtf8:
    case CloseCode::kMessageTooBig: return ::grpc::StatusCode::INVALID_ARGUMENT;
  }
  return ::grpc::StatusCode::UNKNOWN;
}

}  // namespace

ConnectConnection::ConnectConnection(SessionHub& hub, ConnectStream& stream, std::string address)
    : Connection(hub, Encoding::kGrpc, std::move(address)), stream_(stream) {}

void ConnectConnection::Start() {
  hub().Add(shared_from_this());
  stream_.Read();
}

void ConnectConnection::OnFrames(bool parsed, v1::ClientFrames frames) {
  if (ended_) return;
  Heard();
  if (!parsed) Close(CloseCode::kProtocolError, "not a serialised atrium.v1.ClientFrames");
  const size_t limit = hub().settings().max_message_bytes;
  for (v1::ClientFrame& frame : *frames.mutable_frames()) {
    if (closing()) break;
    if (limit > 0 && frame.ByteSizeLong() > limit) {
      Close(CloseCode::kMessageTooBig, "message too large");
    } else {
      OnRequest(DecodeFrame(std::move(frame)));
    }
  }
  // Only now, so that a client cannot send faster than its frames are dealt with.
  if (!ended_ && !moving()) stream_.Read();
}

void ConnectConnection::Arrive() {
  stream_.SetHub(hub());
  if (!ended_) stream_.Read();
}

// A half-close, or a stream that is lost: gRPC says which when the stream has ended. Until then the session waits.
void ConnectConnection::OnReadEnd() {
  if (const Session* const left = session()) {
    left_session_ = left->key();
    left_generation_ = left->generation();
  }
  if (!closing()) PeerLeft(/*said_goodbye=*/false);
  WriteSoon();
}

void ConnectConnection::Write() {
  if (ended_ || writing_bytes_ > 0) return;
  if (outbox_.empty()) {
    if (closing()) End(verdict_, /*cancel=*/false);
    return;
  }
  std::string message;
  size_t count = 0;
  while (count < outbox_.size() && (count == 0 || message.size() + outbox_.Unsent(count).size() <= kMessageBytes)) {
    const absl::string_view frame = outbox_.Unsent(count++);
    message.append(frame.data(), frame.size());
  }
  outbox_.Begin(count);
  writing_bytes_ = message.size();
  const ::grpc::Slice slice(message);
  stream_.Write(::grpc::ByteBuffer(&slice, 1));
}

void ConnectConnection::OnWriteDone(bool ok) {
  Sent(std::exchange(writing_bytes_, 0));
  if (!ok) {
    lost_ = true;
    return Abort();
  }
  Write();
}

void ConnectConnection::FinishClose(CloseCode code, absl::string_view reason) {
  verdict_ = ::grpc::Status(CodeFor(code), absl::StrCat(reason, " (", static_cast<int>(code), ")"));
}

void ConnectConnection::OnCancel() {
  if (!ended_) lost_ = true;
  Abort();
}

void ConnectConnection::Abort() {
  if (!closing()) PeerLeft(/*said_goodbye=*/false);
  End(verdict_.ok() ? ::grpc::Status::CANCELLED : verdict_, /*cancel=*/true);
}

void ConnectConnection::End(const ::grpc::Status& status, bool cancel) {
  if (std::exchange(ended_, true)) return;
  cancelled_here_ = cancel;
  stream_.End(status, cancel);
}

void ConnectConnection::OnDone(bool cancelled) {
  const bool lost = lost_ || (cancelled && !cancelled_here_);
  if (left_session_ != 0 && !lost) hub().EndIfAway(left_session_, left_generation_);
  Closed();
}

// HTTP/2 keepalive does that.
void ConnectConnection::Ping() { Heard(); }

}  // namespace atrium
