#include "server/grpc/connect_connection.h"

#include <grpc/slice.h>
#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/grpc/connect_stream.h"
#include "server/session/session.h"

namespace atrium {
namespace {

// A message of more frames than this brings nothing more.
constexpr size_t kMessageBytes = 256 * 1024;
// A message from a client may hold so many frames.
constexpr size_t kMaxFrames = 1000;
// So much of them is dealt with in a turn, in bytes, of which a frame counts some more than it has.
constexpr size_t kWorkPerTurn = 64 * 1024;
constexpr size_t kPerFrame = 512;
constexpr char kNotFrames[] = "not a serialised atrium.v1.ClientFrames";

::grpc::StatusCode CodeFor(CloseCode code) {
  switch (code) {
    case CloseCode::kShutdown: return ::grpc::StatusCode::UNAVAILABLE;
    case CloseCode::kOverloaded:
    case CloseCode::kPolicyViolation:
    case CloseCode::kSlowConsumer: return ::grpc::StatusCode::RESOURCE_EXHAUSTED;
    case CloseCode::kNoPong:
    case CloseCode::kNoHello: return ::grpc::StatusCode::DEADLINE_EXCEEDED;
    case CloseCode::kTokenExpired:
    case CloseCode::kUnauthenticated: return ::grpc::StatusCode::UNAUTHENTICATED;
    case CloseCode::kDisconnected:
    case CloseCode::kResumedElsewhere: return ::grpc::StatusCode::ABORTED;
    case CloseCode::kUnsupportedData: return ::grpc::StatusCode::UNIMPLEMENTED;
    case CloseCode::kProtocolError:
    case CloseCode::kInvalidUtf8:
    case CloseCode::kMessageTooBig: return ::grpc::StatusCode::INVALID_ARGUMENT;
  }
  return ::grpc::StatusCode::UNKNOWN;
}

bool HasTooManyFrames(ClientFramesReader frames) {
  // A frame has a tag and a size at least.
  if (frames.bytes() <= 2 * kMaxFrames) return false;
  size_t count = 0;
  while (count <= kMaxFrames && frames.Next()) ++count;
  return count > kMaxFrames;
}

}  // namespace

ConnectConnection::ConnectConnection(SessionHub& hub, ConnectStream& stream, std::string address)
    : Connection(hub, Encoding::kGrpc, std::move(address)), stream_(stream) {}

void ConnectConnection::Start(const absl::StatusOr<std::string>& token) {
  hub().Add(shared_from_this());
  if (!token.ok()) return Close(CloseCode::kUnauthenticated, token.status().message());
  Present(*token);
  stream_.Read();
}

void ConnectConnection::OnFrames(const absl::Status& verdict, const ::grpc::Slice& frames) {
  if (ended_) return;
  Heard();
  incoming_ = std::make_unique<Incoming>(frames);
  if (!verdict.ok()) Close(CloseCode::kUnsupportedData, verdict.message());
  if (HasTooManyFrames(incoming_->frames)) {
    Close(CloseCode::kMessageTooBig, absl::StrCat("a message may hold ", kMaxFrames, " frames"));
  }
  ReadSome();
}

void ConnectConnection::ReadSome() {
  const auto self = shared_from_this();
  for (size_t work = 0; incoming_ != nullptr && !ended_ && !closing();) {
    if (moving()) return;
    if (work >= kWorkPerTurn) {
      return hub().shard().NextTurn([this, self] { ReadSome(); });
    }
    if (const std::optional<absl::string_view> frame = incoming_->frames.Next()) {
      OnFrame(*frame);
      work += frame->size() + kPerFrame;
      const absl::Duration pause = ReadPause();
      if (pause > absl::ZeroDuration()) {
        hub().shard().After(pause, [this, self] { ReadSome(); });
        return;
      }
    } else {
      if (incoming_->frames.broken()) Close(CloseCode::kProtocolError, kNotFrames);
      incoming_ = nullptr;
    }
  }
  incoming_ = nullptr;
  // More is asked for only now, so that a client cannot send faster than its frames are dealt with.
  if (!ended_ && !moving()) stream_.Read();
}

void ConnectConnection::OnFrame(absl::string_view bytes) {
  const size_t limit = hub().settings().max_message_bytes;
  if (limit > 0 && bytes.size() > limit) return Close(CloseCode::kMessageTooBig, "message too large");
  if (!CountMessage(bytes.size())) {
    if (!closing()) Refuse(ReadProtoFrameId(bytes));
    return;
  }
  ClientRequest request = DecodeProtoFrame(bytes);
  // Only whoever can be told which request is at fault goes on.
  if (request.id == 0 && !request.status.ok() && ErrorReason(request.status) == kNotProtobuf) {
    return Close(CloseCode::kProtocolError, kNotFrames);
  }
  OnRequest(std::move(request));
}

void ConnectConnection::Arrive() {
  stream_.SetHub(hub());
  if (ended_) return;
  // What came before this moment and was held goes first.
  hub().shard().Post([this, self = shared_from_this()] { ReadSome(); });
}

// This is a half-close, or a stream that is lost: gRPC says which when the stream has ended. Until then the session
// waits.
void ConnectConnection::OnReadEnd() {
  if (const Session* const left = session()) {
    left_session_ = left->key();
    left_generation_ = left->generation();
  }
  if (!closing()) PeerLeft(/*said_goodbye=*/false);
  WriteSoon();
}

void ConnectConnection::Write() {
  if (ended_) return;
  // The stream tells when a write is done only if something waits for that: of a thousand streams that get a frame,
  // none wakes the shard again.
  if (writing_bytes_ > 0 && stream_.TellWhenWritten()) return;
  Settle();
  if (outbox_.empty()) {
    if (closing()) End(verdict_, /*cancel=*/false);
    return;
  }
  size_t count = 0;
  size_t size = 0;
  do {
    size += outbox_.Unsent(count++).size();
  } while (count < outbox_.size() && size + outbox_.Unsent(count).size() <= kMessageBytes);
  grpc_slice message = grpc_slice_malloc(size);
  uint8_t* end = GRPC_SLICE_START_PTR(message);
  for (size_t i = 0; i < count; ++i) {
    const absl::string_view frame = outbox_.Unsent(i);
    end = std::copy(frame.begin(), frame.end(), end);
  }
  outbox_.Taken(count);
  writing_bytes_ = size;
  const ::grpc::Slice slice(message, ::grpc::Slice::STEAL_REF);
  stream_.Write(::grpc::ByteBuffer(&slice, 1));
  const bool more_to_do = closing() || count < outbox_.size();
  if (more_to_do && !stream_.TellWhenWritten()) Write();
}

void ConnectConnection::Settle() {
  if (writing_bytes_ > 0 && stream_.written()) Sent(std::exchange(writing_bytes_, 0));
}

void ConnectConnection::OnWriteDone(bool ok) {
  if (ok) return Write();
  Sent(std::exchange(writing_bytes_, 0));
  lost_ = true;
  Abort();
}

void ConnectConnection::FinishClose(CloseCode code, absl::string_view reason) {
  verdict_ = ::grpc::Status(CodeFor(code), absl::StrCat(Excerpt(reason), " (", static_cast<int>(code), ")"));
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

// HTTP/2 keepalive does what a ping would do.
bool ConnectConnection::Ping() {
  Heard();
  return false;
}

}  // namespace atrium
