#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/common/log.h"
#include "server/common/mutex.h"

namespace atrium {

// Returns what is in a file of at most 1 MiB. NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT if it is no plain file, is
// empty or too large, or another error of the system; the message names the path.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path);

// Reads files again when what is in them changes. It asks for nothing else, as Kubernetes swaps symbolic links to
// whole directories. It owns the thread that it does so on; its methods can be called on any thread but that.
//
// What a file says is taken when it says the same twice, a moment apart: the first half of a file that is being written
// may be well-formed, and lack a restriction. What is refused is tried again when it is another; until then what was
// loaded before stays.
class FileWatch {
 public:
  // It is called on the thread of the watch. An error refuses the content, and is logged.
  using Load = absl::AnyInvocable<absl::Status(std::string content)>;

  struct Count {
    std::string name;
    // So often was it loaded, or could not be read or loaded. What stays as it was counts once.
    int64_t ok = 0;
    int64_t errors = 0;
  };

  FileWatch(absl::Duration interval, Log& log);
  // Waits for a load that is running, for nothing else.
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  // Watches the file at `path`, which is called `name` in the log and the counts. `loaded` is what has been loaded from
  // it before, so that the same is not loaded again; without it, the file is loaded soon.
  void Add(std::string path, std::string name, Load load, absl::string_view loaded = {});

  // Looks at all files, and returns when that has been done.
  void ReloadNow();

  // Returns those of each file, in the order in which they were added.
  std::vector<Count> counts() const;

 private:
  struct File;
  struct Sight;

  void Watch();
  void Look(const std::vector<File*>& files);
  void Take(File& file, Sight sight);
  // Returns false if the watch ends before that.
  bool Pause(absl::Duration duration);

  const absl::Duration interval_;
  Log& log_;
  mutable Mutex mutex_;
  // It is for the thread: there is something to do, or it is to end.
  CondVar wake_;
  CondVar round_done_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // ReloadNow asks for the round with this number; that with the other is done.
  uint64_t wanted_round_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t done_round_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::unique_ptr<File>> files_ ABSL_GUARDED_BY(mutex_);
  // The last, so that all is there when it begins.
  std::thread thread_;
};

}  // namespace atrium
