#include "tests/bench/streams.h"

#include <chrono>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tests/bench/check.h"
#include "tests/bench/rounds.h"

namespace atrium::bench {
namespace {

constexpr int kConnections = 4;
constexpr int kBurst = 4;
// Events that not all others have.
constexpr int kInFlight = 64;
constexpr std::chrono::seconds kLimit(30);
// Longer than presence is folded.
constexpr absl::Duration kQuiet = absl::Milliseconds(500);
constexpr absl::Duration kWarmUp = absl::Milliseconds(500);
// Streams that find the process cold.
constexpr int kCold = 100;
constexpr char kRoom[] = "bench-streams";

void CheckReply(absl::string_view frame) {
  v1::ServerFrames frames;
  Check(frames.ParseFromArray(frame.data(), static_cast<int>(frame.size())), "a reply cannot be read");
  if (frames.frames(0).reply().has_error()) Fail("a stream cannot join: " + frames.frames(0).reply().error().message());
}

// Bytes of resident memory for each of `streams` that have said hello.
double ResidentBytesPerStream(const ChildProcess& server, int streams) {
  StreamCrowd crowd(server, StreamCrowd::Opening::kHello);
  crowd.Open(kCold);
  const int64_t before = server.ResidentBytes();
  crowd.Open(streams);
  return static_cast<double>(server.ResidentBytes() - before) / streams;
}

}  // namespace

const std::string& StreamData() {
  static const std::string* const data = new std::string(kStreamDataBytes, 'x');
  return *data;
}

v1::EmitRequest StreamEmit(const std::string& room) {
  v1::EmitRequest request;
  request.set_room_id(room);
  request.set_event("tick");
  request.mutable_data()->set_string_value(StreamData());
  return request;
}

StreamCrowd::StreamCrowd(const ChildProcess& server, Opening opening)
    : server_(server), opening_(opening), stubs_(ConnectStubs(server.Port("grpc"), kConnections)) {}

// The streams go first: they still tell.
StreamCrowd::~StreamCrowd() { streams_.clear(); }

void StreamCrowd::Open(int streams) {
  v1::ClientFrames opening;
  opening.add_frames()->mutable_hello()->set_client("bench");
  if (opening_ == Opening::kJoin) {
    v1::ClientFrame& join = *opening.add_frames();
    join.set_id(1);
    join.mutable_join()->set_room_id(kRoom);
  }
  for (int i = 0; i < streams; ++i) {
    streams_.push_back(std::make_unique<ConnectClient>(*stubs_[streams_.size() % stubs_.size()],
                                                       [this](absl::string_view message) { OnMessage(message); }));
    streams_.back()->Send(opening.SerializeAsString());
    const auto opened = static_cast<int64_t>(streams_.size());
    constexpr int kAtOnce = 64;
    WaitUntil(opened_, opened - kAtOnce, "streams to open");
  }
  WaitUntil(opened_, static_cast<int64_t>(streams_.size()), "streams to open");
  absl::SleepFor(kQuiet);
}

Throughput StreamCrowd::RunSaturated(absl::Duration duration) {
  v1::ClientFrames burst;
  for (int i = 0; i < kBurst; ++i) *burst.add_frames()->mutable_emit() = StreamEmit(kRoom);
  const std::string message = burst.SerializeAsString();
  const auto others = static_cast<int64_t>(streams_.size()) - 1;
  deliveries_ = 0;
  messages_ = 0;
  int64_t published = 0;
  const absl::Duration before = server_.CpuTime();
  const absl::Time start = absl::Now();
  while (absl::Now() - start < duration) {
    streams_.front()->Send(message);
    published += kBurst;
    WaitUntil(deliveries_, (published - kInFlight) * others, "deliveries");
  }
  WaitUntil(deliveries_, published * others, "deliveries");
  Check(deliveries_ == published * others, "an event came twice");
  return {.deliveries = deliveries_, .elapsed = absl::Now() - start, .cpu = server_.CpuTime() - before};
}

std::string StreamCrowd::last_event() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return last_event_;
}

void StreamCrowd::OnMessage(absl::string_view message) {
  int events = 0;
  for (const absl::string_view frame : FramesOf(message)) {
    switch (KindOfFrame(frame)) {
      case v1::ServerFrame::kEventFieldNumber: ++events; break;
      case v1::ServerFrame::kReplyFieldNumber:
        CheckReply(frame);
        Count(opened_, 1);
        break;
      case v1::ServerFrame::kWelcomeFieldNumber:
        if (opening_ == Opening::kHello) Count(opened_, 1);
        break;
      case v1::ServerFrame::kMemberFieldNumber: break;
      default: Fail("a stream got an unexpected frame");
    }
  }
  if (events == 0) return;
  ++messages_;
  if (Count(deliveries_, events)) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const std::vector<absl::string_view> frames = FramesOf(message);
    last_event_.assign(frames.back().data(), frames.back().size());
  }
}

bool StreamCrowd::Count(std::atomic<int64_t>& counter, int64_t count) {
  const int64_t now = counter += count;
  const int64_t wake_at = wake_at_;
  if (now < wake_at || now - count >= wake_at) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  counted_.notify_one();
  return true;
}

void StreamCrowd::WaitUntil(const std::atomic<int64_t>& counter, int64_t at_least, const char* what) {
  wake_at_ = at_least;
  if (counter >= at_least) return;
  std::unique_lock<std::mutex> lock(mutex_);
  if (!counted_.wait_for(lock, kLimit, [&] { return counter >= at_least; })) {
    Fail(std::string("waited in vain for ") + what);
  }
}

double StreamCrowd::events_per_message() const {
  return static_cast<double>(deliveries_) / static_cast<double>(messages_);
}

std::vector<Figure> MeasureStreams(const StartAtrium& start_atrium, const StartBare& start_bare,
                                   const StreamsOptions& options, std::vector<std::string>& notes) {
  Figure cost(absl::StrCat("CPU us per delivery to ", options.streams, " gRPC streams"));
  Figure memory(absl::StrCat("RSS KiB per idle gRPC stream, ", options.streams, " of them"));
  std::string event;
  {
    const std::unique_ptr<ChildProcess> atrium = start_atrium();
    StreamCrowd members(*atrium, StreamCrowd::Opening::kJoin);
    members.Open(options.streams);
    members.RunSaturated(kWarmUp);
    event = absl::Base64Escape(members.last_event());
    const std::unique_ptr<ChildProcess> bare = start_bare(event);
    StreamCrowd group(*bare, StreamCrowd::Opening::kJoin);
    group.Open(options.streams);
    group.RunSaturated(kWarmUp);
    Throughput of_atrium;
    Throughput of_bare;
    Alternate(
        options.rounds, [&] { of_atrium = members.RunSaturated(options.slice); },
        [&] { of_bare = group.RunSaturated(options.slice); },
        [&] { cost.Add(of_atrium.CpuMicroseconds(), of_bare.CpuMicroseconds()); });
    notes.push_back(absl::StrFormat("A message on a gRPC stream held %.1f events, on one of the bare streams %.1f.",
                                    members.events_per_message(), group.events_per_message()));
  }
  const double of_atrium = ResidentBytesPerStream(*start_atrium(), options.streams);
  const double of_bare = ResidentBytesPerStream(*start_bare(event), options.streams);
  memory.Add(of_atrium / 1024, of_bare / 1024);
  std::vector<Figure> figures;
  figures.push_back(std::move(cost));
  figures.push_back(std::move(memory));
  return figures;
}

}  // namespace atrium::bench
