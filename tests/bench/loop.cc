#include "tests/bench/loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>

#include "absl/time/clock.h"
#include "tests/bench/check.h"

namespace atrium::bench {

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) { CheckSystem(epoll_ >= 0, "epoll_create1"); }

Loop::~Loop() { close(epoll_); }

void Loop::Watch(int fd, Handler& handler, uint32_t events) {
  epoll_event event{.events = events, .data = {.ptr = &handler}};
  CheckSystem(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

void Loop::Rewatch(int fd, Handler& handler, uint32_t events) {
  epoll_event event{.events = events, .data = {.ptr = &handler}};
  CheckSystem(epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) == 0, "epoll_ctl");
}

void Loop::Turn(absl::Time deadline) {
  std::array<epoll_event, 256> events;
  const timespec timeout = absl::ToTimespec(std::max(deadline - absl::Now(), absl::ZeroDuration()));
  const int count = epoll_pwait2(epoll_, events.data(), events.size(), &timeout, nullptr);
  if (count < 0 && errno == EINTR) return;
  CheckSystem(count >= 0, "epoll_pwait2");
  for (int i = 0; i < count; ++i) static_cast<Handler*>(events[i].data.ptr)->OnReady(events[i].events);
}

void Loop::RunUntil(const std::function<bool()>& done, absl::Duration limit, const char* what) {
  const absl::Time deadline = absl::Now() + limit;
  while (!done()) {
    if (absl::Now() >= deadline) Fail(std::string("waited in vain for ") + what);
    Turn(std::min(deadline, absl::Now() + absl::Milliseconds(100)));
  }
}

void Loop::RunFor(absl::Duration duration) {
  const absl::Time deadline = absl::Now() + duration;
  while (absl::Now() < deadline) Turn(deadline);
}

}  // namespace atrium::bench
