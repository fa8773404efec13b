#include "tests/bench/stream.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "atrium/v1/frames.pb.h"
#include "tests/bench/check.h"
#include "tests/bench/connect_client.h"
#include "tests/bench/rounds.h"
#include "tests/bench/streams.h"

namespace atrium::bench {
namespace {

constexpr std::chrono::seconds kLimit(30);
constexpr int kWarmUp = 1000;
// Messages that are not yet answered.
constexpr uint32_t kInFlight = 8;

// One stream that publishes. The last emit of a message, or each of them, has an id and is answered.
class Publisher {
 public:
  Publisher(const ChildProcess& server, const std::string& room, int batch, bool each_answered)
      : server_(server),
        room_(room),
        batch_(batch),
        each_answered_(each_answered),
        stubs_(ConnectStubs(server.Port("grpc"), 1)),
        stream_(*stubs_.front(), [this](absl::string_view message) { OnMessage(message); }) {
    v1::ClientFrames opening;
    opening.add_frames()->mutable_hello()->set_client("bench");
    v1::ClientFrame& join = *opening.add_frames();
    join.set_id(next_id_++);
    join.mutable_join()->set_room_id(room_);
    stream_.Send(opening.SerializeAsString());
    WaitForAnswer(1);
    Publish(kWarmUp);
  }

  // `emits`, again and again. Returns microseconds of the server's CPU time for each.
  double PublishFor(absl::Duration slice, int emits) {
    const absl::Time end = absl::Now() + slice;
    absl::Duration cpu;
    int64_t published = 0;
    while (published == 0 || absl::Now() < end) {
      cpu += Publish(emits);
      published += emits;
    }
    return absl::ToDoubleMicroseconds(cpu) / static_cast<double>(published);
  }

 private:
  // Returns the server's CPU time.
  absl::Duration Publish(int emits) {
    std::vector<std::string> messages;
    std::vector<uint32_t> last_ids;
    for (int made = 0; made < emits; made += batch_) {
      messages.push_back(Message(std::min(batch_, emits - made)));
      last_ids.push_back(next_id_ - 1);
    }
    const absl::Duration before = server_.CpuTime();
    for (size_t i = 0; i < messages.size(); ++i) {
      if (i >= kInFlight) WaitForAnswer(last_ids[i - kInFlight]);
      stream_.Send(messages[i]);
    }
    WaitForAnswer(last_ids.back());
    return server_.CpuTime() - before;
  }

  std::string Message(int emits) {
    v1::ClientFrames frames;
    for (int i = 0; i < emits; ++i) {
      v1::ClientFrame& frame = *frames.add_frames();
      if (each_answered_ || i + 1 == emits) frame.set_id(next_id_++);
      *frame.mutable_emit() = StreamEmit(room_);
    }
    return frames.SerializeAsString();
  }

  void OnMessage(absl::string_view message) {
    v1::ServerFrames frames;
    Check(frames.ParseFromArray(message.data(), static_cast<int>(message.size())), "a message cannot be read");
    for (const v1::ServerFrame& frame : frames.frames()) {
      if (!frame.has_reply()) continue;
      if (frame.reply().has_error()) Fail(absl::StrCat("an emit failed: ", frame.reply().error().message()));
      const std::lock_guard<std::mutex> lock(mutex_);
      Check(frame.reply().id() == answered_ + 1, "answers do not come in order");
      answered_ = frame.reply().id();
    }
    answer_.notify_one();
  }
  void WaitForAnswer(uint32_t id) {
    std::unique_lock<std::mutex> lock(mutex_);
    Check(answer_.wait_for(lock, kLimit, [&] { return answered_ >= id; }), "waited in vain for answers on a stream");
  }

  const ChildProcess& server_;
  const std::string room_;
  const int batch_;
  const bool each_answered_;
  uint32_t next_id_ = 1;
  std::mutex mutex_;
  std::condition_variable answer_;
  uint32_t answered_ = 0;
  std::vector<std::unique_ptr<::grpc::GenericStub>> stubs_;
  ConnectClient stream_;
};

Figure MeasurePublisher(const ChildProcess& atrium, const ChildProcess& echo, int batch, bool each_answered, int emits,
                        int rounds, absl::Duration slice) {
  Figure figure(
      absl::StrCat("CPU us per emit on a stream, ", batch, each_answered ? " at a time, answered" : " at a time"));
  const std::string room = absl::StrCat("bench-stream-", batch, each_answered);
  Publisher to_atrium(atrium, room, batch, each_answered);
  Publisher to_echo(echo, room, batch, each_answered);
  double of_atrium = 0;
  double of_echo = 0;
  Alternate(
      rounds, [&] { of_atrium = to_atrium.PublishFor(slice, emits); },
      [&] { of_echo = to_echo.PublishFor(slice, emits); }, [&] { figure.Add(of_atrium, of_echo); });
  return figure;
}

}  // namespace

std::vector<Figure> MeasureStream(const ChildProcess& atrium, const ChildProcess& echo, int emits, int rounds,
                                  absl::Duration slice) {
  std::vector<Figure> figures;
  for (const int batch : {16, 64}) {
    for (const bool each_answered : {false, true}) {
      figures.push_back(MeasurePublisher(atrium, echo, batch, each_answered, emits, rounds, slice));
    }
  }
  return figures;
}

}  // namespace atrium::bench
