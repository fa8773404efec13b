#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "atrium/v1/frames.pb.h"
#include "tests/bench/child_process.h"
#include "tests/bench/connect_client.h"
#include "tests/bench/fanout.h"
#include "tests/bench/statistics.h"

namespace atrium::bench {

// The data of every event on streams is a string of so many characters.
inline constexpr size_t kStreamDataBytes = 64;
const std::string& StreamData();
// Its data comes last when it is serialised.
v1::EmitRequest StreamEmit(const std::string& room);

// Many Connect streams to one server, on four connections: Atrium or ServeStreamFanOut. One thread, besides gRPC's.
class StreamCrowd {
 public:
  enum class Opening {
    kHello,  // sessions that are in no room
    kJoin,   // all are in one room
  };

  StreamCrowd(const ChildProcess& server, Opening opening);
  ~StreamCrowd();

  // So many more.
  void Open(int streams);

  // One member publishes four events in a message, and so on, with up to 64 events that not all others have.
  Throughput RunSaturated(absl::Duration duration);
  // In the last run, over all members.
  double events_per_message() const;

  // An event that has arrived: a serialised ServerFrames with that one frame.
  std::string last_event();

 private:
  void OnMessage(absl::string_view message);
  // Adds to `counter`; whether that is what is waited for.
  bool Count(std::atomic<int64_t>& counter, int64_t count);
  void WaitUntil(const std::atomic<int64_t>& counter, int64_t at_least, const char* what);

  const ChildProcess& server_;
  const Opening opening_;
  std::vector<std::unique_ptr<::grpc::GenericStub>> stubs_;
  std::vector<std::unique_ptr<ConnectClient>> streams_;

  std::atomic<int64_t> opened_{0};
  std::atomic<int64_t> deliveries_{0};
  std::atomic<int64_t> messages_{0};
  // Whoever counts up to this wakes the one who waits.
  std::atomic<int64_t> wake_at_{0};
  // Guards what follows.
  std::mutex mutex_;
  std::condition_variable counted_;
  std::string last_event_;
};

// What a delivery costs to Connect streams whose sessions are all in one room, and the memory of idle ones, beside
// ServeStreamFanOut.
struct StreamsOptions {
  int streams = 0;
  int rounds = 0;
  absl::Duration slice;
};
using StartAtrium = std::function<std::unique_ptr<ChildProcess>()>;
using StartBare = std::function<std::unique_ptr<ChildProcess>(const std::string& event)>;
std::vector<Figure> MeasureStreams(const StartAtrium& start_atrium, const StartBare& start_bare,
                                   const StreamsOptions& options, std::vector<std::string>& notes);

}  // namespace atrium::bench
