#include "server/common/log.h"

#include <unistd.h>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace atrium {
namespace {

absl::string_view Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarning: return "warning";
    case LogLevel::kError: return "error";
  }
  return "error";
}

void AppendQuoted(std::string& line, absl::string_view text) {
  line.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      line.push_back('\\');
      line.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppend(&line, "\\u", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad4));
    } else {
      line.push_back(c);
    }
  }
  line.push_back('"');
}

}  // namespace

void Log::Write(LogLevel level, absl::string_view message, Fields fields) {
  if (level < least_) return;
  std::string line =
      absl::StrCat("{\"time\":\"", absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone()),
                   "\",\"level\":\"", Name(level), "\",\"message\":");
  AppendQuoted(line, message);
  for (const Field& field : fields) {
    absl::StrAppend(&line, ",\"", field.name, "\":");
    AppendQuoted(line, field.value.Piece());
  }
  line += "}\n";
  // A line is one write, so that those of several threads do not mix.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace atrium
