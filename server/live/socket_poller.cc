#include "server/live/socket_poller.h"

#include <algorithm>
#include <utility>

#include "server/common/prefetch.h"

namespace atrium {
namespace {

epoll_event EventFor(SocketPoller::Handler& handler, uint32_t interest) {
  epoll_event event{};
  event.events = interest;
  event.data.ptr = &handler;
  return event;
}

}  // namespace

SocketPoller::SocketPoller(boost::asio::io_context& io) : epoll_(io, epoll_create1(EPOLL_CLOEXEC)) {}

bool SocketPoller::Add(int socket, Handler& handler, uint32_t interest) {
  epoll_event event = EventFor(handler, interest);
  return epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, socket, &event) == 0;
}

void SocketPoller::Set(int socket, Handler& handler, uint32_t interest) {
  epoll_event event = EventFor(handler, interest);
  epoll_ctl(epoll_.native_handle(), EPOLL_CTL_MOD, socket, &event);
}

void SocketPoller::Remove(int socket, const Handler& handler) {
  epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, socket, nullptr);
  // It may stand behind the one that is being told now.
  for (int i = 0; i < ready_count_; ++i) {
    if (ready_[i].data.ptr == &handler) ready_[i].data.ptr = nullptr;
  }
}

int SocketPoller::Poll(int most) {
  const int room = std::min<int>(most, ready_.size());
  ready_count_ = std::max(0, epoll_wait(epoll_.native_handle(), ready_.data(), room, /*timeout=*/0));
  const auto handler = [this](int i) { return i < ready_count_ ? static_cast<Handler*>(ready_[i].data.ptr) : nullptr; };
  for (int i = 0; i < ready_count_; ++i) {
    Prefetch(handler(i + 2), Handler::kPrefetched);
    if (Handler* const next = handler(i + 1)) next->Prepare();
    if (handler(i) == nullptr) continue;
    const uint32_t events = ready_[i].events;
    const bool failed = (events & (EPOLLERR | EPOLLHUP)) != 0;
    handler(i)->OnReady(failed || (events & EPOLLIN), failed || (events & EPOLLOUT));
  }
  return std::exchange(ready_count_, 0);
}

void SocketPoller::WakeWhenReady() {
  if (std::exchange(waking_, true)) return;
  epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                    [this](boost::system::error_code) { waking_ = false; });
}

}  // namespace atrium
