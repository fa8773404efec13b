#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/time/time.h"

namespace atrium::bench {

// One epoll loop of the load generator. One thread.
class Loop {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void OnReady(uint32_t events) = 0;
  };

  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // The handler must outlive the registration, which ends when the file is closed, and must not die inside Turn.
  void Watch(int fd, Handler& handler, uint32_t events);
  void Rewatch(int fd, Handler& handler, uint32_t events);

  // Waits for events until `deadline` at the latest, and handles those that have come.
  void Turn(absl::Time deadline);
  // Fails the program, naming `what`, when `done` stays false for `limit`.
  void RunUntil(const std::function<bool()>& done, absl::Duration limit, const char* what);
  void RunFor(absl::Duration duration);

  // Scratch space for one read.
  std::array<char, 256 * 1024>& buffer() { return *buffer_; }

 private:
  int epoll_;
  std::unique_ptr<std::array<char, 256 * 1024>> buffer_ = std::make_unique<std::array<char, 256 * 1024>>();
};

}  // namespace atrium::bench
