#include "server/engine/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/common/status_macros.h"
#include "server/engine/log_errors.h"

namespace atrium {
namespace {

// This number is raised when an older atriumd would misread what this one writes.
constexpr int64_t kFormat = 1;

std::string Words(int error) { return std::generic_category().message(error); }

absl::Status ErrorFrom(const std::string& directory, absl::string_view what, int error) {
  const std::string why = absl::StrCat(what, ": ", Words(error));
  return error == ENOSPC || error == EDQUOT ? LogDiskFull(directory, why) : LogUnavailable(directory, why);
}

absl::Status SyncFolder(const std::string& directory, const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrorFrom(directory, folder, errno);
  const absl::Cleanup close_it = [fd] { close(fd); };
  return fsync(fd) == 0 ? absl::OkStatus() : ErrorFrom(directory, folder, errno);
}

// Makes `folder` and those above it, so that they are there after a power failure too.
absl::Status MakeFolder(const std::string& directory, const std::filesystem::path& folder) {
  std::error_code error;
  if (std::filesystem::is_directory(folder, error)) return absl::OkStatus();
  const std::filesystem::path parent = folder.has_parent_path() ? folder.parent_path() : ".";
  RETURN_IF_ERROR(MakeFolder(directory, parent));
  if (mkdir(folder.c_str(), 0700) != 0) return ErrorFrom(directory, folder.string(), errno);
  return SyncFolder(directory, parent);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::Take(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  RETURN_IF_ERROR(MakeFolder(path, path));
  const std::string lock_path = path + "/lock";
  const int lock = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return ErrorFrom(path, lock_path, errno);
  std::unique_ptr<DataDirectory> directory(new DataDirectory(std::move(path), lock));
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return DirectoryInUse(directory->path());
    return ErrorFrom(directory->path(), lock_path, errno);
  }
  if (fstat(lock, &directory->lock_identity_) != 0) return ErrorFrom(directory->path(), lock_path, errno);
  RETURN_IF_ERROR(directory->CheckFormat());
  RETURN_IF_ERROR(MakeFolder(directory->path(), directory->rooms()));
  return directory;
}

absl::Status DataDirectory::Check() const {
  const std::string path = path_ + "/lock";
  struct stat there {};
  if (stat(path.c_str(), &there) != 0) return ErrorFrom(path_, path, errno);
  if (there.st_ino == lock_identity_.st_ino && there.st_dev == lock_identity_.st_dev) return absl::OkStatus();
  return LogUnavailable(path_, absl::StrCat(path, " is not the file that this process has locked"));
}

DataDirectory::~DataDirectory() { close(lock_); }

absl::Status DataDirectory::CheckFormat() const {
  const std::string path = path_ + "/format";
  std::ifstream file(path);
  if (!file) {
    if (errno != ENOENT) return ErrorFrom(path_, path, errno);
    std::error_code error;
    if (std::filesystem::exists(rooms(), error)) return LogDamaged(path_, "file format is missing");
    return WriteFormat();
  }
  std::stringstream text;
  text << file.rdbuf();
  int64_t format = 0;
  if (!absl::SimpleAtoi(absl::StripSuffix(text.str(), "\n"), &format) || format < 1) {
    return LogDamaged(path_, "file format does not hold a number");
  }
  if (format > kFormat) return DirectoryFromNewerVersion(path_, format, kFormat);
  return absl::OkStatus();
}

absl::Status DataDirectory::WriteFormat() const {
  const std::string path = path_ + "/format", fresh = path + ".new";
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return ErrorFrom(path_, fresh, errno);
  const absl::Cleanup close_it = [fd] { close(fd); };
  const std::string text = absl::StrCat(kFormat, "\n");
  if (write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()) || fsync(fd) != 0 ||
      rename(fresh.c_str(), path.c_str()) != 0) {
    return ErrorFrom(path_, path, errno);
  }
  return SyncFolder(path_, path_);
}

}  // namespace atrium
