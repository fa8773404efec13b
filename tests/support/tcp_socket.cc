#include "tests/support/tcp_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/time/clock.h"
#include "tests/support/eventually.h"

namespace atrium {
namespace {

bool Wait(int fd, int16_t events, absl::Time deadline) {
  const absl::Duration left = std::max(deadline - absl::Now(), absl::ZeroDuration());
  const auto wait = absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1)));
  pollfd poll_for{.fd = fd, .events = events, .revents = 0};
  return poll(&poll_for, 1, static_cast<int>(wait)) == 1;
}

}  // namespace

TcpSocket::TcpSocket(uint16_t port, int receive_buffer) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  // Before the connection, or the window is larger than it says.
  if (receive_buffer > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
  const int yes = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  ended_ = !connected_;
}

TcpSocket::~TcpSocket() { close(fd_); }

bool TcpSocket::Send(absl::string_view bytes) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(sent);
    } else if (errno != EAGAIN || !Wait(fd_, POLLOUT, deadline)) {
      return false;
    }
  }
  return true;
}

bool TcpSocket::Receive(std::string& bytes, absl::Time deadline) {
  if (ended_ || !Wait(fd_, POLLIN, deadline)) return false;
  char buffer[64 * 1024];
  const ssize_t received = recv(fd_, buffer, sizeof(buffer), MSG_DONTWAIT);
  if (received <= 0) {
    ended_ = received == 0 || errno != EAGAIN;
    return false;
  }
  bytes.append(buffer, received);
  return true;
}

void TcpSocket::ShutdownSend() { shutdown(fd_, SHUT_WR); }

}  // namespace atrium
