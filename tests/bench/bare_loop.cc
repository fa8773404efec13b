#include "tests/bench/bare_loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>

#include "tests/bench/check.h"

namespace atrium::bench {

BareLoop::BareLoop()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof(address);
  CheckSystem(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
  CheckSystem(listen(listener_, 4096) == 0, "listen");
  CheckSystem(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  port_ = ntohs(address.sin_port);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  CheckSystem(epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event) == 0, "epoll_ctl");
}

void BareLoop::Run() {
  std::array<epoll_event, 256> events;
  for (;;) {
    const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.ptr == nullptr) {
        Accept();
      } else {
        OnReadable(*static_cast<Peer*>(events[i].data.ptr));
      }
    }
    OnTurnEnd();
  }
}

void BareLoop::Accept() {
  for (;;) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &OnAccept(fd)}};
    CheckSystem(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
  }
}

std::string TextFrame(const std::string& text) {
  Check(text.size() <= 0xffff, "a text of a bare server is too long");
  std::string frame(1, static_cast<char>(0x81));
  if (text.size() < 126) {
    frame.push_back(static_cast<char>(text.size()));
  } else {
    frame += {126, static_cast<char>(text.size() >> 8), static_cast<char>(text.size() & 0xff)};
  }
  return frame + text;
}

}  // namespace atrium::bench
