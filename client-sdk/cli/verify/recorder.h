#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "client-sdk/cli/verify/history.h"

namespace atrium::verify {

// Collects what clients do and see. Thread-safe.
class Recorder {
 public:
  // The number of a new client.
  int AddClient(std::string name);
  // The number of a new call.
  int NewCall();

  template <typename What>
  void Add(int client, What what) {
    const std::lock_guard lock(mutex_);
    history_.records.push_back({client, std::move(what)});
  }
  void AddFrame(int client, const v1::ServerFrame& frame);

  // Something that keeps the run from proving anything, such as a server that does not come back. The first is kept.
  void Fail(const std::string& why);
  std::string failure() const;

  size_t records() const;
  int calls() const;
  // What was collected; nothing may follow.
  History Take();

 private:
  mutable std::mutex mutex_;
  History history_;
  int calls_ = 0;
  std::string failure_;
  std::map<std::string, FramePtr> frames_;  // by their bytes
};

}  // namespace atrium::verify
