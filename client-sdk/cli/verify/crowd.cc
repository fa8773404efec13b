#include "client-sdk/cli/verify/crowd.h"

#include <random>
#include <utility>

#include "absl/strings/str_cat.h"

namespace atrium::verify {

Crowd::Crowd(cli::Rpc& rpc, Recorder& recorder, const Settings& settings, std::string room, int seats,
             std::function<bool()> stopped)
    : recorder_(recorder), settings_(settings), room_(std::move(room)), stopped_(std::move(stopped)) {
  for (int i = 0; i < seats + kMoreThanSeats; ++i) {
    clients_.push_back(std::make_unique<Client>(rpc, recorder, settings, absl::StrCat("crowd", i)));
  }
  for (int part = 0; part < kThreads; ++part) threads_.emplace_back([this, part] { Run(part); });
}

Crowd::~Crowd() {
  for (std::thread& thread : threads_) thread.join();
}

void Crowd::Run(int part) {
  constexpr int kLeavesInTen = 4;
  constexpr absl::Duration kPause = absl::Milliseconds(200);
  std::mt19937_64 random(settings_.seed * kThreads + static_cast<uint64_t>(part));
  while (!stopped_() && recorder_.failure().empty()) {
    for (size_t i = static_cast<size_t>(part); i < clients_.size() && !stopped_(); i += kThreads) {
      const bool leaves = static_cast<int>(random() % 10) < kLeavesInTen;
      Client& client = *clients_[i];
      if (!client.Connect()) return;
      if (!client.in(room_)) {
        client.Join(room_, /*typed=*/true).IgnoreError();
      } else if (leaves) {
        client.Leave(room_).IgnoreError();
      }
    }
    absl::SleepFor(kPause);
  }
  for (size_t i = static_cast<size_t>(part); i < clients_.size(); i += kThreads) clients_[i]->End();
}

}  // namespace atrium::verify
