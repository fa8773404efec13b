#pragma once

#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/byte_buffer.h>

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "server/grpc/call_queue.h"
#include "server/grpc/raw_service.h"
#include "server/grpc/reflection_answers.h"
#include "server/metrics/grpc_metrics.h"

namespace atrium {

// The method of reflection, by which a scope names it.
inline constexpr char kReflectionMethod[] = "ServerReflectionInfo";

// What the versions of grpc.reflection share: they differ in the name of the package only. Each stream lives on the
// shard of its queue; what they have in common is constant or atomic.
class Reflection {
 public:
  using Calls = ::grpc::ServerAsyncReaderWriter<::grpc::ByteBuffer, ::grpc::ByteBuffer>;

  Reflection(const Reflection&) = delete;
  Reflection& operator=(const Reflection&) = delete;

  // Takes streams from `queue` from now on. The gRPC server has started, and the queue has not.
  void Listen(CallQueue& queue);

 protected:
  // `name` is the full name of the service, and `services` are those of the services that it tells of.
  Reflection(const std::string& name, std::vector<std::string> services, GrpcMetrics& metrics);
  ~Reflection() = default;

 private:
  friend class ReflectionStream;

  // Waits for a stream, as the generated Request... does.
  virtual void Request(::grpc::ServerContext& context, Calls& calls, CallQueue& queue, void* tag) = 0;

  // Takes a place for a stream, which is given back by Leave. RESOURCE_EXHAUSTED, reason LIMIT, if there is none.
  absl::Status Enter();
  void Leave() { open_.fetch_sub(1, std::memory_order_relaxed); }

  GrpcMetrics::Method& metrics_;
  const ReflectionAnswers answers_;
  std::atomic<int> open_ = 0;
};

// One version of grpc.reflection; `Generated` is its ServerReflection. gRPC's own brings a thread for each stream. This
// serves 64 streams at a time, and ends others with RESOURCE_EXHAUSTED; one that is sent what is no request ends with
// INVALID_ARGUMENT. It is made and told to listen on one thread.
template <typename Generated>
class ReflectionService final
    : public RawService<
          typename Generated::template WithRawMethod_ServerReflectionInfo<typename Generated::AsyncService>>,
      public Reflection {
 public:
  // `services` are the full names of services that are linked in.
  ReflectionService(std::vector<std::string> services, GrpcMetrics& metrics)
      : ReflectionService::RawService(Generated::service_full_name()),
        Reflection(Generated::service_full_name(), std::move(services), metrics) {}

 private:
  void Request(::grpc::ServerContext& context, Calls& calls, CallQueue& queue, void* tag) override {
    this->RequestServerReflectionInfo(&context, &calls, queue.queue(), queue.queue(), tag);
  }
};

using ReflectionV1 = ReflectionService<::grpc::reflection::v1::ServerReflection>;
using ReflectionV1Alpha = ReflectionService<::grpc::reflection::v1alpha::ServerReflection>;

}  // namespace atrium
