#include "tests/bench/fanout.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tests/bench/check.h"

namespace atrium::bench {
namespace {

constexpr absl::Duration kSetUpLimit = absl::Seconds(30);
constexpr absl::Duration kDeliveryLimit = absl::Seconds(10);
// Handshakes under way at once.
constexpr int kOpeningAtOnce = 100;
// Longer than presence is folded.
constexpr absl::Duration kQuiet = absl::Milliseconds(300);

std::string RoomName(int room) { return absl::StrFormat("bench-%04d", room); }

std::string EmitText(int room, absl::Time due) {
  std::string data = absl::StrFormat("%016x", absl::ToUnixNanos(due));
  data.resize(kDataBytes, 'x');
  return absl::StrCat(R"({"emit":{"roomId":")", RoomName(room), R"(","event":"tick","data":")", data, "\"}}");
}

absl::Time PublishTime(absl::string_view event) {
  const size_t at = event.find(kDataKey);
  Check(at != event.npos, "an event came without its data");
  const std::string digits(event.substr(at + kDataKey.size(), 16));
  return absl::FromUnixNanos(std::strtoll(digits.c_str(), nullptr, 16));
}

// What the busiest thread has used between two readings.
absl::Duration MostUsed(const std::map<int, absl::Duration>& before, const std::map<int, absl::Duration>& after) {
  absl::Duration most;
  for (const auto& [thread, time] : after) {
    const auto it = before.find(thread);
    most = std::max(most, it == before.end() ? time : time - it->second);
  }
  return most;
}

}  // namespace

std::string ShapeName(const Shape& shape) { return absl::StrCat(shape.rooms, " x ", shape.members); }

Crowd::Crowd(Loop& loop, const ChildProcess& server, uint16_t port, Opening opening, Shape shape)
    : loop_(loop), server_(server), port_(port), opening_(opening), shape_(shape), rooms_(shape.rooms) {}

void Crowd::Open() {
  for (int room = 0; room < shape_.rooms; ++room) {
    for (int member = 0; member < shape_.members; ++member) {
      clients_.push_back(std::make_unique<Client>(loop_, *this, port_, opening_, room));
      if (member == 0) rooms_[room].publisher = clients_.back().get();
      const int opened = static_cast<int>(clients_.size());
      loop_.RunUntil([&] { return opened - joined_ < kOpeningAtOnce; }, kSetUpLimit, "members to join");
    }
  }
  loop_.RunUntil([&] { return joined_ == shape_.rooms * shape_.members; }, kSetUpLimit, "members to join");
  loop_.RunUntil([&] { return absl::Now() - last_text_ > kQuiet; }, kSetUpLimit, "quiet after the joins");
  for (int room = 0; room < shape_.rooms; ++room) Publish(room, 1, absl::Now());
  WaitForDeliveries();
}

void Crowd::OnOpen(Client& client) {
  if (opening_ == Opening::kWebSocket) client.Send(MaskedText(R"({"id":1,"hello":{"client":"bench"}})"));
}

void Crowd::OnText(Client& client, absl::string_view text) {
  if (absl::StartsWith(text, R"({"event":)")) return OnEvent(client.group(), text);
  last_text_ = absl::Now();
  if (absl::StartsWith(text, R"({"welcome":)")) {
    client.Send(MaskedText(absl::StrCat(R"({"id":2,"join":{"roomId":")", RoomName(client.group()), "\"}}")));
  } else if (absl::StartsWith(text, R"({"reply":{"id":2,"join":)")) {
    ++joined_;
  } else if (!absl::StartsWith(text, R"({"member":)")) {
    Fail(absl::StrCat("a member got an unexpected frame: ", text));
  }
}

void Crowd::OnClosed(Client&) { Fail("the server cut a member off"); }

void Crowd::OnEvent(int room, absl::string_view text) {
  ++deliveries_;
  --awaited_;
  if (latencies_us_ != nullptr) {
    latencies_us_->push_back(absl::ToDoubleMicroseconds(absl::Now() - PublishTime(text)));
  }
  if (--rooms_[room].awaited > 0) return;
  if (awaited_ == 0) last_event_.assign(text.data(), text.size());
  if (again_) Publish(room, shape_.burst, absl::Now());
}

void Crowd::Publish(int room, int events, absl::Time due) {
  const std::string frame = MaskedText(EmitText(room, due));
  std::string frames;
  for (int i = 0; i < events; ++i) frames += frame;
  rooms_[room].awaited += events * deliveries_per_publish();
  awaited_ += events * deliveries_per_publish();
  rooms_[room].publisher->Send(frames);
}

void Crowd::WaitForDeliveries() {
  loop_.RunUntil([&] { return awaited_ == 0; }, kDeliveryLimit, "deliveries");
}

Throughput Crowd::RunClosedLoop(absl::Duration duration) {
  deliveries_ = 0;
  const std::map<int, absl::Duration> threads_before = server_.ThreadCpuTimes();
  const absl::Duration before = server_.CpuTime();
  const absl::Time start = absl::Now();
  again_ = true;
  for (int room = 0; room < shape_.rooms; ++room) Publish(room, shape_.burst, absl::Now());
  loop_.RunFor(duration);
  again_ = false;
  WaitForDeliveries();
  return {.deliveries = deliveries_,
          .elapsed = absl::Now() - start,
          .cpu = server_.CpuTime() - before,
          .busiest_thread = MostUsed(threads_before, server_.ThreadCpuTimes())};
}

void Crowd::RunOneByOne(int publishes) {
  for (int i = 0; i < publishes; ++i) {
    Publish(i % shape_.rooms, 1, absl::Now());
    WaitForDeliveries();
  }
}

std::vector<double> Crowd::RunPaced(double deliveries_per_second, const std::function<bool()>& goes_on) {
  const absl::Duration interval = absl::Seconds(deliveries_per_publish() / deliveries_per_second);
  std::vector<double> latencies_us;
  latencies_us_ = &latencies_us;
  int room = 0;
  for (absl::Time due = absl::Now(); goes_on(); due += interval) {
    while (absl::Now() < due) loop_.Turn(due);
    Publish(room, 1, due);
    room = (room + 1) % shape_.rooms;
  }
  WaitForDeliveries();
  latencies_us_ = nullptr;
  return latencies_us;
}

std::vector<double> Crowd::RunPaced(double deliveries_per_second, absl::Duration duration) {
  const absl::Time end = absl::Now() + duration;
  return RunPaced(deliveries_per_second, [end] { return absl::Now() < end; });
}

}  // namespace atrium::bench
