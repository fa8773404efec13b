#include "tests/bench/client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/bench/check.h"

namespace atrium::bench {
namespace {

constexpr uint8_t kText = 0x1;
constexpr uint8_t kPing = 0x9;
constexpr uint8_t kCompressed = 0x40;
constexpr size_t kMaxText = 16 << 20;

sockaddr_in Loopback(int host, uint16_t port) {
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(0x7f000000u + static_cast<uint32_t>(host));
  return address;
}

void SetOption(int fd, int level, int option, const void* value, socklen_t size) {
  CheckSystem(setsockopt(fd, level, option, value, size) == 0, "setsockopt");
}

// From 127.0.0.1, or from a further loopback address when that has no port left.
int Connect(uint16_t port) {
  const sockaddr_in to = Loopback(1, port);
  for (int host = 1; host <= 20; ++host) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CheckSystem(fd >= 0, "socket");
    const int on = 1;
    SetOption(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    SetOption(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    // Ends by a reset, which leaves no port waiting.
    const linger reset{.l_onoff = 1, .l_linger = 0};
    SetOption(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    const sockaddr_in from = Loopback(host, 0);
    CheckSystem(bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof(from)) == 0, "bind");
    if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0 || errno == EINPROGRESS) return fd;
    CheckSystem(errno == EADDRNOTAVAIL, "connect");
    close(fd);
  }
  Fail("no loopback address has a port left");
}

std::string UpgradeRequest(uint16_t port, bool deflate) {
  return absl::StrCat("GET /ws HTTP/1.1\r\nHost: 127.0.0.1:", port,
                      "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: atrium.v1.json\r\n",
                      deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n" : "\r\n");
}

}  // namespace

Client::Client(Loop& loop, Events& events, uint16_t port, Opening opening, int group)
    : loop_(loop), events_(events), opening_(opening), group_(group), fd_(Connect(port)) {
  const bool deflate = opening == Opening::kDeflatedWebSocket;
  if (deflate || opening == Opening::kWebSocket) incomplete_ = UpgradeRequest(port, deflate);
  loop_.Watch(fd_, *this, EPOLLOUT);
}

Client::~Client() {
  if (fd_ >= 0) close(fd_);
}

void Client::Close() {
  if (fd_ < 0) return;
  close(fd_);
  fd_ = -1;
  events_.OnClosed(*this);
}

void Client::Send(absl::string_view frames) {
  if (fd_ < 0) return;
  const ssize_t sent = send(fd_, frames.data(), frames.size(), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return Close();
  CheckSystem(sent == static_cast<ssize_t>(frames.size()), "a socket did not take a small message at once");
}

void Client::OnReady(uint32_t events) {
  if (fd_ < 0) return;
  if (state_ == State::kConnecting && (events & (EPOLLERR | EPOLLHUP)) == 0) return OnConnected();
  ReadSome();
}

void Client::OnConnected() {
  loop_.Rewatch(fd_, *this, EPOLLIN);
  state_ = incomplete_.empty() ? State::kOpen : State::kUpgrading;
  switch (opening_) {
    case Opening::kConnect: break;
    case Opening::kWebSocket:
    case Opening::kDeflatedWebSocket: return Send(std::exchange(incomplete_, {}));
    case Opening::kGroup: {
      const auto number = static_cast<uint32_t>(group_);
      char bytes[sizeof(number)];
      std::memcpy(bytes, &number, sizeof(number));
      Send({bytes, sizeof(bytes)});
      break;
    }
  }
  events_.OnOpen(*this);
}

void Client::ReadSome() {
  auto& buffer = loop_.buffer();
  const ssize_t count = recv(fd_, buffer.data(), buffer.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return Close();
  if (opening_ == Opening::kConnect) return;
  absl::string_view bytes(buffer.data(), static_cast<size_t>(count));
  if (incomplete_.empty()) {
    bytes.remove_prefix(Take(bytes));
    incomplete_.assign(bytes.data(), bytes.size());
  } else {
    incomplete_.append(bytes.data(), bytes.size());
    const std::string whole = std::exchange(incomplete_, {});
    incomplete_ = whole.substr(Take(whole));
  }
}

size_t Client::Take(absl::string_view bytes) {
  size_t taken = 0;
  if (state_ == State::kUpgrading) {
    const size_t end = bytes.find("\r\n\r\n");
    if (end == bytes.npos) return 0;
    if (!absl::StartsWith(bytes, "HTTP/1.1 101 ")) Fail(absl::StrCat("the handshake was refused: ", bytes));
    taken = end + 4;
    state_ = State::kOpen;
    events_.OnOpen(*this);
  }
  while (const size_t frame = TakeFrame(bytes.substr(taken))) taken += frame;
  return taken;
}

size_t Client::TakeFrame(absl::string_view bytes) {
  if (bytes.size() < 2) return 0;
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  size_t header = 2;
  size_t size = byte(1);
  const int length_bytes = size == 126 ? 2 : size == 127 ? 8 : 0;
  if (length_bytes > 0) {
    header += length_bytes;
    if (bytes.size() < header) return 0;
    size = 0;
    for (size_t i = 2; i < header; ++i) size = size << 8 | byte(i);
  }
  if (bytes.size() < header + size) return 0;
  const int opcode = byte(0) & 0x0f;
  frame_bytes_ = static_cast<int64_t>(header + size);
  if (opcode == kText && (byte(0) & kCompressed) != 0) {
    const absl::StatusOr<std::string> text = inflater_.Inflate(bytes.substr(header, size), kMaxText);
    Check(text.ok(), "a compressed message is broken");
    events_.OnText(*this, *text);
  } else if (opcode == kText) {
    events_.OnText(*this, bytes.substr(header, size));
  }
  if (opcode == kPing) Send({"\x8a\x80\0\0\0\0", 6});
  return header + size;
}

std::string MaskedFrame(uint8_t head, absl::string_view payload) {
  Check(payload.size() <= 0xffff, "a message of the benchmark is too long");
  std::string frame(1, static_cast<char>(head));
  if (payload.size() < 126) {
    frame.push_back(static_cast<char>(0x80 | payload.size()));
  } else {
    frame.push_back(static_cast<char>(0x80 | 126));
    frame.push_back(static_cast<char>(payload.size() >> 8));
    frame.push_back(static_cast<char>(payload.size() & 0xff));
  }
  frame.append(4, '\0');
  frame.append(payload.data(), payload.size());
  return frame;
}

std::string MaskedText(absl::string_view text) { return MaskedFrame(0x80 | kText, text); }

void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace atrium::bench
