#include "server/grpc/watch_stream.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <optional>
#include <utility>
#include <vector>

#include "server/grpc/caller_of.h"
#include "server/grpc/room_grpc_service.h"
#include "server/grpc/status.h"

namespace atrium {
namespace {

// Frames are gathered into one message up to this size, behind which larger messages bring nothing more.
constexpr size_t kMessageBytes = 256 * 1024;
// The end of a stream waits for so long for a reader that has not read what is before it.
constexpr absl::Duration kLinger = absl::Seconds(30);

}  // namespace

WatchStream::WatchStream(RoomGrpcService& service, CallQueue& queue)
    : AsyncStream(queue), service_(service), queue_(queue) {
  service.RequestWatch(&context(), &request_, &calls(), queue.queue(), queue.queue(), called());
}

void WatchStream::OnCall() {
  Listen(service_, queue_);
  service_.watch_metrics().Started();
  service_.watch_metrics().Received();
  start_ = SteadyTime::Now();
  hub_ = &service_.NextHub();
  absl::StatusOr<Caller> caller = CallerOf(context(), queue_.authenticator());
  v1::WatchRequest parsed;
  const absl::Status verdict = caller.ok() ? ParseByteBuffer(request_, parsed) : caller.status();
  hub_->shard().Post([this, verdict, caller = std::move(caller), parsed = std::move(parsed)] {
    verdict.ok() ? StartWatch(*caller, parsed) : End(verdict);
  });
}

void WatchStream::StartWatch(const Caller& caller, const v1::WatchRequest& request) {
  if (!ended_) observer_ = hub_->Watch(caller, request, ReaderKind::kGrpc, *this);
}

void WatchStream::Write() {
  if (ended_) return;
  const std::optional<absl::Status>& verdict = observer_->verdict();
  // A write may be under way: the status follows when the reader has read that.
  if (verdict && !verdict->ok()) return End(*verdict);
  if (writing_) return;
  const std::vector<Observer::Item> items = observer_->Take(kMessageBytes);
  if (items.empty()) {
    if (verdict) End(*verdict);
    return;
  }
  std::string message;
  for (const Observer::Item& item : items) message += item.frame->bytes(Encoding::kGrpc);
  const ::grpc::Slice slice(message);
  writing_ = true;
  service_.watch_metrics().Sent();
  StartWrite(::grpc::ByteBuffer(&slice, 1));
}

void WatchStream::End(const absl::Status& verdict) {
  if (std::exchange(ended_, true)) return;
  service_.watch_metrics().Handled(verdict.code(), SteadyTime::Now() - start_);
  const ::grpc::Status status = ToGrpcStatus(verdict);
  // The verdict is part of the observer, so that it is not used any more behind this.
  if (observer_ != nullptr) observer_->Close();
  linger_timer_ = hub_->shard().After(kLinger, [this] { context().TryCancel(); });
  Finish(status);
}

void WatchStream::OnWriteDone(bool ok) {
  hub_->shard().Post([this, ok] { Written(ok); });
}

void WatchStream::Written(bool ok) {
  writing_ = false;
  if (!ok) return End(absl::CancelledError());
  Write();
}

void WatchStream::OnCancel() {
  hub_->shard().Post([this] { End(absl::CancelledError()); });
}

// What was posted before may still use the stream, so that it is deleted behind that, on the shard.
void WatchStream::OnDone() {
  hub_->shard().Post([this] {
    hub_->shard().Cancel(linger_timer_);
    delete this;
  });
}

}  // namespace atrium
