#include "tests/bench/sessions.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/check.h"
#include "tests/bench/grpc_calls.h"

namespace atrium::bench {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(60);
constexpr int kAtOnce = 64;
// Longer than presence is folded.
constexpr absl::Duration kQuiet = absl::Milliseconds(300);
constexpr absl::string_view kWelcome = R"({"welcome":{"sessionId":")";

}  // namespace

Sessions::Sessions(Loop& loop, const ChildProcess& server, int count, Opening opening)
    : loop_(loop), server_(server), ids_(count) {
  for (int i = 0; i < count; ++i) {
    clients_.push_back(std::make_unique<Client>(loop_, *this, server.Port("http"), opening, i));
    loop_.RunUntil([&] { return this->count() - welcomed_ < kAtOnce; }, kLimit, "sessions to open");
  }
  loop_.RunUntil([&] { return welcomed_ == count; }, kLimit, "sessions to open");
}

void Sessions::OnOpen(Client& client) { client.Send(MaskedText(R"({"id":1,"hello":{"client":"bench"}})")); }

void Sessions::OnClosed(Client&) { Fail("the server cut a session off"); }

void Sessions::OnText(Client& client, absl::string_view text) {
  bytes_ += client.frame_bytes();
  if (absl::StartsWith(text, R"({"patch":)") || absl::StartsWith(text, R"({"event":)")) {
    ++frames_;
    return;
  }
  last_text_ = absl::Now();
  if (absl::StartsWith(text, kWelcome)) {
    const size_t end = text.find('"', kWelcome.size());
    ids_[client.group()] = std::string(text.substr(kWelcome.size(), end - kWelcome.size()));
    ++welcomed_;
  } else if (absl::StartsWith(text, R"({"reply":{"id":2,"join":)") || absl::StartsWith(text, R"({"snapshot":)")) {
    ++joined_;
  } else if (absl::StartsWith(text, R"({"reply":{"id":3,"getState":)")) {
    state_bytes_ = client.frame_bytes();
  } else if (!absl::StartsWith(text, R"({"member":)")) {
    Fail(absl::StrCat("a session got an unexpected frame: ", text));
  }
}

Traffic Sessions::Measure(const std::function<void()>& act) {
  frames_ = 0;
  bytes_ = 0;
  const absl::Duration before = server_.CpuTime();
  const absl::Time start = absl::Now();
  act();
  const absl::Time end = absl::Now();
  WaitForQuiet();
  return {.frames = frames_, .bytes = bytes_, .cpu = server_.CpuTime() - before, .elapsed = end - start};
}

void Sessions::WaitForQuiet() {
  int64_t frames = frames_;
  absl::Time since = absl::Now();
  const auto quiet = [&] {
    const absl::Time now = absl::Now();
    if (std::exchange(frames, frames_) != frames_) since = now;
    return now - std::max(since, last_text_) > kQuiet;
  };
  loop_.RunUntil(quiet, kLimit, "quiet");
}

Traffic Sessions::Join(const std::string& room, int count) {
  joined_ = 0;
  const std::string frame = MaskedText(absl::StrCat(R"({"id":2,"join":{"roomId":")", room, "\"}}"));
  return Measure([&] {
    for (int i = 0; i < count; ++i) {
      clients_[i]->Send(frame);
      loop_.RunUntil([&] { return i - joined_ < kAtOnce; }, kLimit, "sessions to join");
    }
    loop_.RunUntil([&] { return joined_ == count; }, kLimit, "sessions to join");
  });
}

Traffic Sessions::BringIn(const std::string& room, int count) {
  joined_ = 0;
  GrpcCalls<v1::JoinRequest, v1::JoinResponse> calls(server_.Port("grpc"), &RoomMethods::Join);
  return Measure([&] {
    calls.StartCount(count, [&](int i, v1::JoinRequest& request) {
      request.set_room_id(room);
      request.set_member_id(ids_[i]);
    });
    loop_.RunUntil([&] { return joined_ == count; }, kLimit, "sessions to be brought in");
  });
}

Traffic Sessions::RunClosedLoop(const std::function<std::string(int)>& frame, absl::Duration duration, int at_least) {
  const absl::Time end = absl::Now() + duration;
  return Measure([&] {
    for (int i = 0; i < at_least || absl::Now() < end; ++i) {
      const int64_t awaited = frames_ + count();
      clients_[0]->Send(frame(sent_++));
      loop_.RunUntil([&] { return frames_ >= awaited; }, kLimit, "deliveries");
      Check(frames_ == awaited, "a frame came twice");
    }
  });
}

int64_t Sessions::Probe(const std::function<std::string(int)>& frame) {
  return RunClosedLoop(frame, absl::ZeroDuration()).bytes / count();
}

Traffic Sessions::RunPaced(double frames_per_second, const std::function<std::string(int)>& frame,
                           absl::Duration duration) {
  const absl::Duration interval = absl::Seconds(1 / frames_per_second);
  const int frames = static_cast<int>(duration / interval);
  return Measure([&] {
    absl::Time due = absl::Now();
    for (int i = 0; i < frames; ++i, due += interval) {
      while (absl::Now() < due) loop_.Turn(due);
      clients_[i % count()]->Send(frame(i));
    }
  });
}

int64_t Sessions::StateBytes(const std::string& room) {
  state_bytes_ = 0;
  clients_[0]->Send(MaskedText(absl::StrCat(R"({"id":3,"getState":{"roomId":")", room, "\"}}")));
  loop_.RunUntil([&] { return state_bytes_ > 0; }, kLimit, "the state");
  return state_bytes_;
}

Traffic Sessions::RunGetState(const std::string& room, absl::Duration duration) {
  const absl::Time end = absl::Now() + duration;
  int64_t answers = 0;
  Traffic traffic = Measure([&] {
    for (; absl::Now() < end; ++answers) StateBytes(room);
  });
  traffic.frames = answers;
  return traffic;
}

}  // namespace atrium::bench
