#pragma once

#include <atomic>
#include <initializer_list>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace atrium {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Writes one JSON object a line to stderr:
//   {"time":"2026-11-23T02:37:00.123Z","level":"info","message":"session started","session":"..."}
//
// Credentials, room payloads, state and meta are never logged. It is thread-safe.
class Log {
 public:
  struct Field {
    absl::string_view name;
    absl::AlphaNum value;
  };
  using Fields = std::initializer_list<Field>;

  explicit Log(LogLevel least) : least_(least) {}
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void Debug(absl::string_view message, Fields fields = {}) { Write(LogLevel::kDebug, message, fields); }
  void Info(absl::string_view message, Fields fields = {}) { Write(LogLevel::kInfo, message, fields); }
  void Warning(absl::string_view message, Fields fields = {}) { Write(LogLevel::kWarning, message, fields); }
  void Error(absl::string_view message, Fields fields = {}) { Write(LogLevel::kError, message, fields); }

 private:
  void Write(LogLevel level, absl::string_view message, Fields fields);

  const LogLevel least_;
};

}  // namespace atrium
