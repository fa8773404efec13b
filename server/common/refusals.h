#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/common/log.h"
#include "server/common/log_pace.h"

namespace atrium {

// A limit of this process as a whole, which turns newcomers away.
enum class Limit {
  kDescriptors,         // file descriptors, some of which are kept in reserve
  kAddressConnections,  // connections of one address
  kHttpConnections,
  kGrpcConnections,
  kGrpcFloods,  // bytes of a gRPC connection while there is little memory
  kWebSockets,
  kRooms,
  kMemory,
  kUserSessions,
};
inline constexpr int kLimits = 9;

// Returns its name in metrics, logs and errors, such as `grpc_connections`.
absl::string_view LimitName(Limit limit);

// Returns RESOURCE_EXHAUSTED, reason LIMIT, with the limit, whose it is (`server`, `connection` or `user`) and its
// value as metadata, and word of when to try again.
absl::Status LimitError(absl::string_view limit, absl::string_view scope, int64_t value, absl::string_view message);

// Counts who was turned away by which limit, and says so in the log, now and then. It is thread-safe.
class Refusals {
 public:
  // `log` must outlive it.
  explicit Refusals(Log& log) : log_(log) {}

  // Counts one that was refused because of `limit`, which is `value`.
  void Count(Limit limit, int64_t value);

  int64_t count(Limit limit) const { return rows_[Index(limit)].refused.load(std::memory_order_relaxed); }

 private:
  struct Row {
    std::atomic<int64_t> refused{0};
    LogPace pace;
  };

  static size_t Index(Limit limit) { return static_cast<size_t>(limit); }

  Log& log_;
  std::array<Row, kLimits> rows_;
};

}  // namespace atrium
