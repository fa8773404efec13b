#include "server/live/shards/socket_poller.h"

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
  // The one that is removed may stand behind the one that is being told now.
  for (int i = next_; i < ready_count_; ++i) {
    if (ready_[i].data.ptr == &handler) ready_[i].data.ptr = nullptr;
  }
  again_.erase(std::remove(again_.begin(), again_.end(), &handler), again_.end());
}

void SocketPoller::FindReady() {
  // Sockets that the kernel says are ready get at least half of the places.
  const size_t again = std::min(again_.size(), ready_.size() / 2);
  for (size_t i = 0; i < again; ++i) ready_[i] = EventFor(*again_[i], EPOLLIN);
  again_.erase(again_.begin(), again_.begin() + static_cast<std::ptrdiff_t>(again));
  const int room = static_cast<int>(ready_.size() - again);
  next_ = 0;
  ready_count_ = static_cast<int>(again) +
                 std::max(0, epoll_wait(epoll_.native_handle(), ready_.data() + again, room, /*timeout=*/0));
}

int SocketPoller::Poll(int most) {
  if (next_ == ready_count_) FindReady();
  const auto handler = [this](int i) { return i < ready_count_ ? static_cast<Handler*>(ready_[i].data.ptr) : nullptr; };
  int told = 0;
  for (; next_ < ready_count_ && told < most && !budget_.time_up(); ++told) {
    const int i = next_++;
    Prefetch(handler(i + 2), Handler::kPrefetched);
    if (Handler* const next = handler(i + 1)) next->Prepare();
    if (handler(i) == nullptr) continue;
    const uint32_t events = ready_[i].events;
    const bool failed = (events & (EPOLLERR | EPOLLHUP)) != 0;
    budget_.BeginSocket();
    handler(i)->OnReady(failed || (events & EPOLLIN), failed || (events & EPOLLOUT));
  }
  return told;
}

void SocketPoller::WakeWhenReady() {
  if (std::exchange(waking_, true)) return;
  epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                    [this](boost::system::error_code) { waking_ = false; });
}

}  // namespace atrium
