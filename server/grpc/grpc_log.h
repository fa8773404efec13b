#pragma once

#include "server/common/log.h"

namespace atrium {

// Has gRPC write what it says into `log` while this lives: escaped, as it repeats bytes of its peers, and so many lines
// a second at most, as a peer decides how many there are. gRPC has one log for the whole process; of several of these
// the latest has it. It is thread-safe.
class GrpcLog {
 public:
  // `log` must outlive it.
  explicit GrpcLog(Log& log);
  ~GrpcLog();
  GrpcLog(const GrpcLog&) = delete;
  GrpcLog& operator=(const GrpcLog&) = delete;

 private:
  Log& log_;
};

}  // namespace atrium
