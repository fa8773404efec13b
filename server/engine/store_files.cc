#include "server/engine/store_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/common/status_macros.h"
#include "server/engine/log_errors.h"
#include "server/engine/log_file_check.h"

namespace atrium {
namespace {

namespace fs = std::filesystem;

absl::Status ErrorFrom(const std::string& directory, const fs::path& file, int error) {
  return LogUnavailable(directory, absl::StrCat(file.string(), ": ", std::generic_category().message(error)));
}

absl::StatusOr<std::string> ReadFile(const std::string& directory, const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  if (file && file.peek() != std::ifstream::traits_type::eof()) bytes << file.rdbuf();
  if (!file.is_open() || file.bad() || bytes.fail()) return ErrorFrom(directory, path, errno);
  return std::move(bytes).str();
}

absl::Status CutFile(const std::string& directory, const fs::path& path, size_t size) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return ErrorFrom(directory, path, errno);
  const absl::Cleanup close_it = [fd] { close(fd); };
  if (ftruncate(fd, static_cast<off_t>(size)) != 0 || fsync(fd) != 0) return ErrorFrom(directory, path, errno);
  return absl::OkStatus();
}

// Cuts off what a crash left half written at the end of a log.
absl::Status MendLogFile(const std::string& directory, const fs::path& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(directory, path));
  const LogFileEnd end = CheckLogFile(bytes);
  if (end.kind == LogFileEnd::kDamaged) {
    return LogDamaged(directory,
                      absl::StrCat("file ", path.string(), " has been changed behind byte ", end.sound_bytes));
  }
  return end.kind == LogFileEnd::kTorn ? CutFile(directory, path, end.sound_bytes) : absl::OkStatus();
}

// Returns the file that CURRENT names.
absl::StatusOr<fs::path> Manifest(const std::string& directory, const fs::path& folder) {
  ASSIGN_OR_RETURN(std::string name, ReadFile(directory, folder / "CURRENT"));
  if (!name.empty() && name.back() == '\n') name.pop_back();
  std::error_code error;
  if (name.rfind("MANIFEST-", 0) == 0 && fs::is_regular_file(folder / name, error)) return folder / name;
  return LogDamaged(directory,
                    absl::StrCat("file ", (folder / "CURRENT").string(), " names no manifest that is there"));
}

}  // namespace

absl::Status PrepareStoreFiles(const std::string& directory, const std::string& folder) {
  std::vector<fs::path> logs;
  bool tables = false;
  std::error_code error;
  for (fs::directory_iterator it(folder, error); !error && it != fs::directory_iterator(); it.increment(error)) {
    if (it->path().extension() == ".log") logs.push_back(it->path());
    tables |= it->path().extension() == ".sst";
  }
  if (error) return ErrorFrom(directory, folder, error.value());
  if (!fs::exists(fs::path(folder) / "CURRENT", error)) {
    if (logs.empty() && !tables) return absl::OkStatus();
    return LogDamaged(directory, absl::StrCat("file ", folder, "/CURRENT is missing"));
  }
  ASSIGN_OR_RETURN(const fs::path manifest, Manifest(directory, folder));
  RETURN_IF_ERROR(MendLogFile(directory, manifest));
  for (const fs::path& log : logs) RETURN_IF_ERROR(MendLogFile(directory, log));
  return absl::OkStatus();
}

}  // namespace atrium
