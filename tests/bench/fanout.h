#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/bench/child_process.h"
#include "tests/bench/client.h"
#include "tests/bench/loop.h"

namespace atrium::bench {

// The data of every event is a string of so many characters, which begins with the time at which it was published:
// sixteen hexadecimal digits, nanoseconds.
inline constexpr size_t kDataBytes = 64;
inline constexpr absl::string_view kDataKey = "\"data\":\"";

// Rooms of equal size; in each, one member publishes `burst` events at a time to the others.
struct Shape {
  int rooms = 1;
  int members = 1000;
  int burst = 8;
};

// "1 x 1000".
std::string ShapeName(const Shape& shape);

// What a closed loop reached, and what that cost the server.
struct Throughput {
  int64_t deliveries = 0;
  absl::Duration elapsed;
  absl::Duration cpu;             // of all threads of the server
  absl::Duration busiest_thread;  // of the one that used most

  double PerCpuSecond() const { return static_cast<double>(deliveries) / absl::ToDoubleSeconds(cpu); }
  double PerBusiestSecond() const { return static_cast<double>(deliveries) / absl::ToDoubleSeconds(busiest_thread); }
  double PerSecond() const { return static_cast<double>(deliveries) / absl::ToDoubleSeconds(elapsed); }
  double CpuMicroseconds() const { return absl::ToDoubleMicroseconds(cpu) / static_cast<double>(deliveries); }
};

// The members of all rooms of a shape, connected to one server: Atrium (Opening::kWebSocket) or the bare sender
// (Opening::kGroup).
class Crowd final : public Client::Events {
 public:
  Crowd(Loop& loop, const ChildProcess& server, uint16_t port, Opening opening, Shape shape);

  // Connects and joins all.
  void Open();

  // In each room the next burst goes out when all of the last has arrived.
  Throughput RunClosedLoop(absl::Duration duration);

  // So many publishes, each when the last has arrived, in all rooms in turn.
  void RunOneByOne(int publishes);

  // One publish at a time, at equal intervals over all rooms in turn, for as long as `goes_on`. Returns the
  // microseconds from when each was due to each of its deliveries.
  std::vector<double> RunPaced(double deliveries_per_second, const std::function<bool()>& goes_on);
  std::vector<double> RunPaced(double deliveries_per_second, absl::Duration duration);

  // The last event that arrived, as text.
  const std::string& last_event() const { return last_event_; }

 private:
  struct RoomOfCrowd {
    Client* publisher = nullptr;
    int awaited = 0;  // deliveries
  };

  void OnOpen(Client& client) override;
  void OnText(Client& client, absl::string_view text) override;
  void OnClosed(Client& client) override;
  void OnEvent(int room, absl::string_view text);
  void Publish(int room, int events, absl::Time due);
  void WaitForDeliveries();
  int deliveries_per_publish() const { return shape_.members - 1; }

  Loop& loop_;
  const ChildProcess& server_;
  const uint16_t port_;
  const Opening opening_;
  const Shape shape_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<RoomOfCrowd> rooms_;
  int joined_ = 0;
  absl::Time last_text_;
  std::string last_event_;

  bool again_ = false;  // publish when a room has got all
  int64_t deliveries_ = 0;
  int64_t awaited_ = 0;
  std::vector<double>* latencies_us_ = nullptr;  // while they are wanted
};

}  // namespace atrium::bench
