#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "client-sdk/cli/verify/client.h"

namespace atrium::verify {

// More clients than a room has seats, which join and leave it, many at once, on threads of the crowd's own.
class Crowd {
 public:
  // `room` is of a type that holds so many `seats`.
  Crowd(cli::Rpc& rpc, Recorder& recorder, const Settings& settings, std::string room, int seats,
        std::function<bool()> stopped);
  // Waits until it is stopped.
  ~Crowd();

 private:
  static constexpr int kThreads = 8;
  static constexpr int kMoreThanSeats = 20;

  void Run(int part);

  Recorder& recorder_;
  const Settings& settings_;
  const std::string room_;
  const std::function<bool()> stopped_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::thread> threads_;
};

}  // namespace atrium::verify
