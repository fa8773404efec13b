#include "server/grpc/connect_stream.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <utility>

#include "absl/time/clock.h"
#include "server/grpc/connect_connection.h"
#include "server/session/client_address.h"

namespace atrium {

ConnectStream* ConnectStream::Start(::grpc::CallbackServerContext& context, SessionHub& hub,
                                    GrpcMetrics::Method& metrics) {
  auto* stream = new ConnectStream(context, hub, metrics);  // OnDone deletes it.
  hub.shard().Post([stream] { stream->connection_->Start(); });
  return stream;
}

ConnectStream::ConnectStream(::grpc::CallbackServerContext& context, SessionHub& hub, GrpcMetrics::Method& metrics)
    : context_(context),
      hub_(&hub),
      metrics_(metrics),
      start_(absl::Now()),
      connection_(std::make_shared<ConnectConnection>(hub, *this, AddressOfGrpcPeer(context.peer()))) {
  metrics_.Started();
}

void ConnectStream::Write(::grpc::ByteBuffer outgoing) {
  metrics_.Sent();
  outgoing_ = std::move(outgoing);
  write_.store(WriteState::kUnderWay, std::memory_order_relaxed);
  StartWrite(&outgoing_);
}

bool ConnectStream::TellWhenWritten() {
  WriteState state = WriteState::kUnderWay;
  return write_.compare_exchange_strong(state, WriteState::kTell, std::memory_order_acq_rel) ||
         state == WriteState::kTell;
}

void ConnectStream::End(const ::grpc::Status& status, bool cancel) {
  metrics_.Handled(static_cast<absl::StatusCode>(status.error_code()), absl::Now() - start_);
  if (cancel) context_.TryCancel();
  Finish(status);
}

template <typename Task>
void ConnectStream::Tell(Task task) {
  SessionHub* const hub = hub_.load(std::memory_order_acquire);
  hub->shard().Post([hub, connection = connection_, task = std::move(task)]() mutable {
    SessionHub& now = connection->hub();
    if (&now == hub) return task(*connection);
    // It has left meanwhile.
    now.shard().Post([connection, task = std::move(task)]() mutable { task(*connection); });
  });
}

void ConnectStream::OnReadDone(bool ok) {
  if (!ok) return Tell([](ConnectConnection& connection) { connection.OnReadEnd(); });
  metrics_.Received();
  v1::ClientFrames frames;
  const bool parsed = ::grpc::SerializationTraits<v1::ClientFrames>::Deserialize(&incoming_, &frames).ok();
  Tell([parsed, frames = std::move(frames)](ConnectConnection& connection) mutable {
    connection.OnFrames(parsed, std::move(frames));
  });
}

void ConnectStream::OnWriteDone(bool ok) {
  outgoing_.Clear();
  if (ok && write_.exchange(WriteState::kDone, std::memory_order_acq_rel) != WriteState::kTell) return;
  Tell([ok](ConnectConnection& connection) { connection.OnWriteDone(ok); });
}

void ConnectStream::OnCancel() {
  Tell([](ConnectConnection& connection) { connection.OnCancel(); });
}

// The connection may still be about to use the stream: it is deleted behind that, on the shard. What is told to the
// connection after this, by way of a shard that it has left, does not reach the stream: that has ended.
void ConnectStream::OnDone() {
  Tell([this, cancelled = context_.IsCancelled()](ConnectConnection& connection) {
    connection.OnDone(cancelled);
    delete this;
  });
}

}  // namespace atrium
