#include "server/grpc/grpc_log.h"

#include <grpc/support/log.h>

#include <cstdint>

#include "server/common/errors.h"
#include "server/common/mutex.h"
#include "server/common/steady_time.h"

namespace atrium {
namespace {

constexpr absl::Duration kWindow = absl::Seconds(1);
constexpr int kMostLines = 10;

// gRPC calls a function without an object, so that this is the process' own.
struct Sink {
  Mutex mutex;
  Log* log ABSL_GUARDED_BY(mutex) = nullptr;
  SteadyTime window ABSL_GUARDED_BY(mutex);
  int lines ABSL_GUARDED_BY(mutex) = 0;
  int64_t left_out ABSL_GUARDED_BY(mutex) = 0;
};

Sink& TheSink() {
  static Sink& sink = *new Sink;
  return sink;
}

void Write(gpr_log_func_args* line) {
  Sink& sink = TheSink();
  const MutexLock lock(sink.mutex);
  if (sink.log == nullptr) return;
  const SteadyTime now = SteadyTime::Now();
  if (now - sink.window >= kWindow) {
    if (sink.left_out > 0) sink.log->Warning("gRPC said more than is told", {{"lines", sink.left_out}});
    sink.window = now;
    sink.lines = 0;
    sink.left_out = 0;
  }
  if (++sink.lines > kMostLines) {
    ++sink.left_out;
    return;
  }
  // Its errors are mostly those of its peers.
  const std::string message = Excerpt(line->message, kMaxMessageBytes);
  if (line->severity == GPR_LOG_SEVERITY_ERROR) {
    sink.log->Warning("gRPC", {{"error", message}});
  } else {
    sink.log->Debug("gRPC", {{"text", message}});
  }
}

}  // namespace

GrpcLog::GrpcLog(Log& log) : log_(log) {
  {
    const MutexLock lock(TheSink().mutex);
    TheSink().log = &log;
  }
  gpr_set_log_function(Write);
}

GrpcLog::~GrpcLog() {
  const MutexLock lock(TheSink().mutex);
  if (TheSink().log == &log_) TheSink().log = nullptr;
}

}  // namespace atrium
