#include "tests/bench/attacker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/bench/check.h"
#include "tests/bench/client.h"

namespace atrium::bench {
namespace {

constexpr timeval kPatience{.tv_sec = 0, .tv_usec = 100'000};

int Connect(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CheckSystem(fd >= 0, "socket");
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  // One that the server does not take shows when it sends.
  connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  return fd;
}

}  // namespace

Attacker::Attacker(uint16_t port) : fd_(Connect(port)) {}

Attacker::~Attacker() {
  if (fd_ >= 0) close(fd_);
}

Attacker::Attacker(Attacker&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

bool Attacker::OpenWebSocket(bool deflate) {
  const std::string request = absl::StrCat(
      "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
      "13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: atrium.v1.json\r\n",
      deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "", "\r\n");
  const std::string both = request + MaskedText(R"({"id":1,"hello":{}})");
  absl::string_view unsent = both;
  if (!Send(unsent) || !unsent.empty()) return false;
  char answer[512];
  const ssize_t count = recv(fd_, answer, sizeof(answer), 0);
  return count > 0 && absl::StartsWith(absl::string_view(answer, static_cast<size_t>(count)), "HTTP/1.1 101 ");
}

bool Attacker::Send(absl::string_view& bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

void Attacker::Drain() {
  char buffer[64 * 1024];
  while (recv(fd_, buffer, sizeof(buffer), MSG_DONTWAIT) > 0) {
  }
}

}  // namespace atrium::bench
