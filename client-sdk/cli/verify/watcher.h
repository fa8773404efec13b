#pragma once

#include <optional>
#include <string>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "client-sdk/cli/rpc.h"
#include "client-sdk/cli/verify/recorder.h"
#include "client-sdk/cli/verify/settings.h"

namespace atrium::verify {

// Watches a room from its beginning to its end, and records all that is public of it. It is thread-safe.
class Watcher {
 public:
  Watcher(cli::Rpc& rpc, Recorder& recorder, const Settings& settings, std::string room);
  ~Watcher();

  const std::string& room() const { return request_.room_id(); }
  // Waits until it has seen the room up to there, and says that it must have. With an offset of 0 it waits until the
  // room is there.
  void WaitFor(const Position& position);

 private:
  void Run();
  void ReadStream();
  void OnFrame(const v1::ServerFrame& frame);

  cli::Rpc& rpc_;
  Recorder& recorder_;
  const Settings& settings_;
  const int number_;
  v1::WatchRequest request_;  // of the thread

  absl::Mutex mutex_;
  std::optional<Position> position_ ABSL_GUARDED_BY(mutex_);
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace atrium::verify
