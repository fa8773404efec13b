#include "server/grpc/connect_stream.h"

#include <utility>

#include "absl/time/clock.h"
#include "server/api/caller_by.h"
#include "server/api/scope.h"
#include "server/api/verb.h"
#include "server/common/status_macros.h"
#include "server/grpc/caller_of.h"
#include "server/grpc/connect_connection.h"
#include "server/grpc/raw_service.h"
#include "server/grpc/session_grpc_service.h"
#include "server/session/client_address.h"

namespace atrium {

ConnectStream::ConnectStream(SessionGrpcService& service, CallQueue& queue)
    : AsyncStream(queue), service_(service), queue_(queue) {
  service.RequestConnect(&context(), &calls(), queue.queue(), queue.queue(), called());
}

void ConnectStream::OnCall() {
  Listen(service_, queue_);
  service_.connect_metrics().Started();
  start_ = SteadyTime::Now();
  SessionHub& hub = service_.NextHub();
  hub_.store(&hub, std::memory_order_relaxed);
  connection_ = std::make_shared<ConnectConnection>(hub, *this, AddressOfGrpcPeer(context().peer()));
  absl::StatusOr<std::string> token = Token();
  hub.shard().Post([this, token = std::move(token)] { connection_->Start(token); });
}

absl::StatusOr<std::string> ConnectStream::Token() {
  if (queue_.authenticator().asks_nobody()) return "";
  const std::string authorization = MetadataOf(context(), "authorization");
  const std::string api_key = MetadataOf(context(), "x-api-key");
  const absl::string_view token = BearerToken(authorization);
  if (api_key.empty() && !ServiceKeys::LooksLikeKey(token)) return std::string(token);
  ASSIGN_OR_RETURN(const Caller caller,
                   CallerBy(queue_.authenticator(), {.authorization = authorization, .api_key = api_key}, absl::Now()));
  RETURN_IF_ERROR(RequireScope(caller, VerbName(Verb::kConnect)));
  return "";
}

void ConnectStream::Write(const ::grpc::ByteBuffer& outgoing) {
  service_.connect_metrics().Sent();
  write_.store(WriteState::kUnderWay, std::memory_order_relaxed);
  StartWrite(outgoing);
}

bool ConnectStream::TellWhenWritten() {
  WriteState state = WriteState::kUnderWay;
  return write_.compare_exchange_strong(state, WriteState::kTell, std::memory_order_acq_rel) ||
         state == WriteState::kTell;
}

void ConnectStream::End(const ::grpc::Status& status, bool cancel) {
  service_.connect_metrics().Handled(static_cast<absl::StatusCode>(status.error_code()), SteadyTime::Now() - start_);
  if (cancel) context().TryCancel();
  Finish(status);
}

template <typename Task>
void ConnectStream::Tell(Task task) {
  SessionHub* const hub = hub_.load(std::memory_order_acquire);
  hub->shard().Post([hub, connection = connection_, task = std::move(task)]() mutable {
    SessionHub& now = connection->hub();
    if (&now == hub) return task(*connection);
    // The connection has left that shard meanwhile.
    now.shard().Post([connection, task = std::move(task)]() mutable { task(*connection); });
  });
}

void ConnectStream::OnReadDone(bool ok) {
  if (!ok) return Tell([](ConnectConnection& connection) { connection.OnReadEnd(); });
  service_.connect_metrics().Received();
  ::grpc::Slice frames;
  absl::Status verdict = CheckUncompressed(incoming_);
  if (verdict.ok()) incoming_.DumpToSingleSlice(&frames);
  incoming_.Clear();
  Tell([verdict = std::move(verdict), frames](ConnectConnection& connection) { connection.OnFrames(verdict, frames); });
}

void ConnectStream::OnWriteDone(bool ok) {
  if (ok && write_.exchange(WriteState::kDone, std::memory_order_acq_rel) != WriteState::kTell) return;
  Tell([ok](ConnectConnection& connection) { connection.OnWriteDone(ok); });
}

void ConnectStream::OnCancel() {
  Tell([](ConnectConnection& connection) { connection.OnCancel(); });
}

// The connection may still be about to use the stream: it is deleted behind that, on the shard. What is told to the
// connection after this, by way of a shard that it has left, does not reach the stream: that has ended.
void ConnectStream::OnDone() {
  Tell([this, cancelled = context().IsCancelled()](ConnectConnection& connection) {
    connection.OnDone(cancelled);
    delete this;
  });
}

}  // namespace atrium
