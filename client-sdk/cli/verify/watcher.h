#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "absl/types/optional.h"
#include "client-sdk/cli/rpc.h"
#include "client-sdk/cli/verify/recorder.h"
#include "client-sdk/cli/verify/settings.h"

namespace atrium::verify {

// Watches a room from its beginning to its end, and records all that is public of it. Thread-safe.
class Watcher {
 public:
  Watcher(cli::Rpc& rpc, Recorder& recorder, const Settings& settings, std::string room);
  ~Watcher();

  const std::string& room() const { return request_.room_id(); }
  // Waits until it has seen the room up to there, and says that it must have. An offset of 0: that it is there.
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

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  absl::optional<Position> position_;
  grpc::ClientContext* context_ = nullptr;
  bool stopped_ = false;

  std::thread thread_;
};

}  // namespace atrium::verify
