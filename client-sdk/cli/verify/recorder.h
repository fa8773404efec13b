#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "client-sdk/cli/verify/history.h"

namespace atrium::verify {

// Collects what clients do and see. It is thread-safe.
class Recorder {
 public:
  // Returns the number of a new client.
  int AddClient(std::string name);
  // Returns the number of a new call.
  int NewCall();

  template <typename What>
  void Add(int client, What what) {
    const absl::MutexLock lock(&mutex_);
    history_.records.push_back({client, std::move(what)});
  }
  void AddFrame(int client, const v1::ServerFrame& frame);

  // Says that something keeps the run from proving anything, such as a server that does not come back. The first reason
  // is kept.
  void Fail(const std::string& why);
  std::string failure() const;

  size_t records() const;
  int calls() const;
  // Takes what was collected; nothing may follow.
  History Take();

 private:
  mutable absl::Mutex mutex_;
  History history_ ABSL_GUARDED_BY(mutex_);
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string failure_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, FramePtr> frames_ ABSL_GUARDED_BY(mutex_);  // by their bytes
};

}  // namespace atrium::verify
