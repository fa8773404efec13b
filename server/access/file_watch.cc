#include "server/access/file_watch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/access/sha256.h"
#include "server/common/counter.h"
#include "server/common/errors.h"

namespace atrium {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;
constexpr absl::Duration kSettleTime = absl::Milliseconds(100);
// Clocks can count so far.
constexpr absl::Duration kMaxInterval = absl::Hours(24);

absl::Status FileError(absl::StatusCode code, const std::string& path, absl::string_view what) {
  return absl::Status(code, Excerpt(absl::StrCat(Excerpt(path), ": ", what), kMaxMessageBytes));
}

absl::Status SystemError(const std::string& path, int error) {
  absl::StatusCode code = absl::ErrnoToStatusCode(error);
  if (error == ENOTDIR) code = absl::StatusCode::kNotFound;
  return FileError(code, path, std::generic_category().message(error));
}

absl::Status InvalidFile(const std::string& path, absl::string_view what) {
  return FileError(absl::StatusCode::kInvalidArgument, path, what);
}

// Closes a file when it goes.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

absl::Status CheckFile(const std::string& path, int fd) {
  struct stat file = {};
  if (fstat(fd, &file) != 0) return SystemError(path, errno);
  if (S_ISDIR(file.st_mode)) return InvalidFile(path, "is a directory");
  return S_ISREG(file.st_mode) ? absl::OkStatus() : InvalidFile(path, "is no plain file");
}

std::chrono::steady_clock::time_point After(absl::Duration duration) {
  return std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(duration);
}

}  // namespace

absl::StatusOr<std::string> ReadSmallFile(const std::string& path) {
  // A pipe is opened at once as well, to be refused.
  const Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return SystemError(path, errno);
  if (absl::Status file = CheckFile(path, fd.get()); !file.ok()) return file;
  std::string content(kMaxFileBytes + 1, '\0');
  size_t size = 0;
  while (size < content.size()) {
    const ssize_t got = read(fd.get(), content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(path, errno);
    if (got == 0) break;
    size += got;
  }
  if (size == 0) return InvalidFile(path, "is empty");
  if (size > kMaxFileBytes) return InvalidFile(path, absl::StrCat("has more than ", kMaxFileBytes, " bytes"));
  content.resize(size);
  return content;
}

struct FileWatch::File {
  File(std::string path, std::string name, Load load, std::string tried)
      : path(std::move(path)), name(std::move(name)), load(std::move(load)), tried(std::move(tried)) {}

  const std::string path;
  const std::string name;
  Load load;
  // Tells what was tried last; only the thread looks at it.
  std::string tried;
  Counter ok;
  Counter errors;
};

// What was found in a file.
struct FileWatch::Sight {
  absl::StatusOr<std::string> content;
  // It tells one content, or error, from another.
  std::string mark;

  static std::string MarkOf(absl::string_view content) {
    const Sha256Digest digest = Sha256(content);
    return std::string(digest.begin(), digest.end());
  }
  static Sight Of(const std::string& path) {
    absl::StatusOr<std::string> content = ReadSmallFile(path);
    std::string mark = content.ok() ? MarkOf(*content) : std::string(content.status().message());
    return {std::move(content), std::move(mark)};
  }
};

FileWatch::FileWatch(absl::Duration interval, Log& log)
    : interval_(std::min(interval, kMaxInterval)), log_(log), thread_([this] { Watch(); }) {}

FileWatch::~FileWatch() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  thread_.join();
}

void FileWatch::Add(std::string path, std::string name, Load load, absl::string_view loaded) {
  std::string mark = loaded.empty() ? "" : Sight::MarkOf(loaded);
  MutexLock lock(mutex_);
  files_.push_back(std::make_unique<File>(std::move(path), std::move(name), std::move(load), std::move(mark)));
}

void FileWatch::ReloadNow() {
  MutexLock lock(mutex_);
  const uint64_t round = ++wanted_round_;
  wake_.NotifyAll();
  while (done_round_ < round) round_done_.Wait(lock);
}

std::vector<FileWatch::Count> FileWatch::counts() const {
  std::vector<Count> counts;
  MutexLock lock(mutex_);
  for (const auto& file : files_) counts.push_back({file->name, file->ok.value(), file->errors.value()});
  return counts;
}

void FileWatch::Watch() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    const uint64_t round = wanted_round_;
    std::vector<File*> files;
    for (const auto& file : files_) files.push_back(file.get());
    lock.Unlock();
    Look(files);
    lock.Lock();
    done_round_ = round;
    round_done_.NotifyAll();
    const auto next = After(interval_);
    while (!stopping_ && wanted_round_ == round && wake_.WaitUntil(lock, next)) {
    }
  }
}

void FileWatch::Look(const std::vector<File*>& files) {
  std::vector<std::pair<File*, std::string>> changed;
  for (File* file : files) {
    Sight sight = Sight::Of(file->path);
    if (sight.mark != file->tried) changed.emplace_back(file, std::move(sight.mark));
  }
  if (changed.empty() || !Pause(kSettleTime)) return;
  for (const auto& [file, mark] : changed) {
    Sight sight = Sight::Of(file->path);
    if (sight.mark == mark) Take(*file, std::move(sight));
  }
}

void FileWatch::Take(File& file, Sight sight) {
  file.tried = std::move(sight.mark);
  const absl::Status loaded = sight.content.ok() ? file.load(*std::move(sight.content)) : sight.content.status();
  if (loaded.ok()) {
    file.ok.Add(1);
    log_.Info("file loaded", {{"file", file.name}, {"path", file.path}});
    return;
  }
  file.errors.Add(1);
  log_.Warning("file refused, keeps the old one",
               {{"file", file.name}, {"path", file.path}, {"error", loaded.message()}});
}

bool FileWatch::Pause(absl::Duration duration) {
  MutexLock lock(mutex_);
  const auto end = After(duration);
  while (!stopping_ && wake_.WaitUntil(lock, end)) {
  }
  return !stopping_;
}

}  // namespace atrium
