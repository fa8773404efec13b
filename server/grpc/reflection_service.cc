#include "server/grpc/reflection_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/api/scope.h"
#include "server/common/refusals.h"
#include "server/common/status_macros.h"
#include "server/common/steady_time.h"
#include "server/grpc/async_stream.h"
#include "server/grpc/caller_of.h"
#include "server/grpc/status.h"

namespace atrium {
namespace {

constexpr int kMaxStreams = 64;
// A request is a name, and its answer repeats it.
constexpr size_t kMaxRequestBytes = 4096;

}  // namespace

// One stream, which is on the shard of its queue. It reads a request, writes the answer, and reads the next.
class ReflectionStream final : public AsyncStream<Reflection::Calls> {
 public:
  ReflectionStream(Reflection& service, CallQueue& queue) : AsyncStream(queue), service_(service), queue_(queue) {
    service.Request(context(), calls(), queue, called());
  }

 private:
  void OnCall() override {
    new ReflectionStream(service_, queue_);  // OnDone deletes it.
    service_.metrics_.Started();
    start_ = SteadyTime::Now();
    absl::Status verdict = MayReflect();
    if (verdict.ok()) verdict = service_.Enter();
    entered_ = verdict.ok();
    if (!entered_) return End(verdict);
    StartRead(&bytes_);
  }

  // Reflection is for services with a scope for it.
  absl::Status MayReflect() {
    ASSIGN_OR_RETURN(const Caller caller, CallerOf(context(), queue_.authenticator()));
    return caller.is_client() ? ServerCodeOnly() : RequireScope(caller, kReflectionMethod);
  }

  void OnReadDone(bool ok) override {
    if (ended_) return;
    if (!ok) return End(absl::OkStatus());
    service_.metrics_.Received();
    if (bytes_.Length() > kMaxRequestBytes) {
      return End(LimitError("reflection_request_bytes", "connection", kMaxRequestBytes,
                            absl::StrCat("a reflection request has ", kMaxRequestBytes, " bytes at most")));
    }
    ReflectionAnswers::Request request;
    if (const absl::Status parsed = ParseByteBuffer(bytes_, request); !parsed.ok()) return End(parsed);
    service_.metrics_.Sent();
    StartWrite(ToByteBuffer(service_.answers_.Answer(request, told_)));
  }

  void OnWriteDone(bool ok) override {
    if (ended_) return;
    if (!ok) return End(absl::CancelledError());
    StartRead(&bytes_);
  }

  void OnCancel() override { End(absl::CancelledError()); }

  void OnDone() override {
    if (entered_) service_.Leave();
    delete this;
  }

  void End(const absl::Status& status) {
    if (std::exchange(ended_, true)) return;
    service_.metrics_.Handled(status.code(), SteadyTime::Now() - start_);
    Finish(ToGrpcStatus(status));
  }

  Reflection& service_;
  CallQueue& queue_;
  SteadyTime start_;
  ::grpc::ByteBuffer bytes_;
  ReflectionAnswers::Told told_;
  bool entered_ = false;
  bool ended_ = false;
};

Reflection::Reflection(const std::string& name, std::vector<std::string> services, GrpcMetrics& metrics)
    : metrics_(metrics.Add("bidi_stream", name, kReflectionMethod)), answers_(std::move(services)) {}

void Reflection::Listen(CallQueue& queue) {
  new ReflectionStream(*this, queue);  // OnDone deletes it.
}

absl::Status Reflection::Enter() {
  if (open_.fetch_add(1, std::memory_order_relaxed) < kMaxStreams) return absl::OkStatus();
  Leave();
  return LimitError("reflection_streams", "server", kMaxStreams,
                    absl::StrCat("the server has ", kMaxStreams, " reflection streams already, which is its limit"));
}

}  // namespace atrium
