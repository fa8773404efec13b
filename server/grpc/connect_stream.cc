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
      hub_(hub),
      metrics_(metrics),
      start_(absl::Now()),
      connection_(std::make_shared<ConnectConnection>(hub, *this, AddressOfGrpcPeer(context.peer()))) {
  metrics_.Started();
}

void ConnectStream::Write(::grpc::ByteBuffer outgoing) {
  metrics_.Sent();
  outgoing_ = std::move(outgoing);
  StartWrite(&outgoing_);
}

void ConnectStream::End(const ::grpc::Status& status, bool cancel) {
  metrics_.Handled(static_cast<absl::StatusCode>(status.error_code()), absl::Now() - start_);
  if (cancel) context_.TryCancel();
  Finish(status);
}

void ConnectStream::OnReadDone(bool ok) {
  if (!ok) return hub_.shard().Post([connection = connection_] { connection->OnReadEnd(); });
  metrics_.Received();
  v1::ClientFrames frames;
  const bool parsed = ::grpc::SerializationTraits<v1::ClientFrames>::Deserialize(&incoming_, &frames).ok();
  hub_.shard().Post([connection = connection_, parsed, frames = std::move(frames)]() mutable {
    connection->OnFrames(parsed, std::move(frames));
  });
}

void ConnectStream::OnWriteDone(bool ok) {
  hub_.shard().Post([connection = connection_, ok] { connection->OnWriteDone(ok); });
}

void ConnectStream::OnCancel() {
  hub_.shard().Post([connection = connection_] { connection->OnCancel(); });
}

// The connection may still be about to use the stream: it is deleted behind that, on the shard.
void ConnectStream::OnDone() {
  hub_.shard().Post([this] {
    connection_->OnDone();
    delete this;
  });
}

}  // namespace atrium
