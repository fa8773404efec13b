#include "tests/bench/bare_sender.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <unordered_map>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/bench/check.h"
#include "tests/bench/child_process.h"
#include "tests/bench/client.h"
#include "tests/bench/fanout.h"

namespace atrium::bench {
namespace {

// A text frame, as Atrium answers a join.
constexpr absl::string_view kJoined = "\x81\x1c{\"reply\":{\"id\":2,\"join\":{}}}";
static_assert(kJoined.size() == 2 + 0x1c);

struct Group;

struct Peer {
  int fd;
  Group* group = nullptr;
};

struct Group {
  std::vector<Peer*> members;
  // Of this turn: frames, one after the other, and whom they are not for.
  std::string frames;
  const Peer* publisher = nullptr;
};

class BareSender {
 public:
  explicit BareSender(const std::string& event);

  uint16_t port() const { return port_; }
  [[noreturn]] void Run();

 private:
  void Accept();
  void Read(Peer& peer);
  void Publish(Peer& peer, absl::string_view message);
  void Flush(Group& group);
  void Remove(Peer& peer);

  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  int listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  uint16_t port_ = 0;
  std::string frame_;
  size_t data_at_;
  std::unordered_map<int, std::unique_ptr<Peer>> peers_;  // by file
  std::unordered_map<uint32_t, Group> groups_;
  std::vector<Group*> dirty_;
  std::unique_ptr<std::array<char, 65536>> buffer_ = std::make_unique<std::array<char, 65536>>();
};

// A server's text frame of 126 to 65,535 bytes, as every event of the benchmark is.
std::string TextFrame(const std::string& text) {
  Check(text.size() >= 126 && text.size() <= 0xffff, "the event must have 126 to 65535 bytes");
  return std::string{static_cast<char>(0x81), 126, static_cast<char>(text.size() >> 8),
                     static_cast<char>(text.size() & 0xff)} +
         text;
}

BareSender::BareSender(const std::string& event)
    : frame_(TextFrame(event)), data_at_(absl::string_view(frame_).find(kDataKey)) {
  Check(data_at_ != absl::string_view::npos, "the event has no data");
  data_at_ += kDataKey.size();
  sockaddr_in address{.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof(address);
  CheckSystem(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
  CheckSystem(listen(listener_, 4096) == 0, "listen");
  CheckSystem(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  port_ = ntohs(address.sin_port);
  epoll_event event_of_listener{.events = EPOLLIN, .data = {.ptr = nullptr}};
  CheckSystem(epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event_of_listener) == 0, "epoll_ctl");
}

void BareSender::Run() {
  std::array<epoll_event, 256> events;
  for (;;) {
    const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.ptr == nullptr) {
        Accept();
      } else {
        Read(*static_cast<Peer*>(events[i].data.ptr));
      }
    }
    for (Group* group : dirty_) Flush(*group);
    dirty_.clear();
  }
}

void BareSender::Accept() {
  for (;;) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    std::unique_ptr<Peer>& peer = peers_[fd] = std::make_unique<Peer>(Peer{.fd = fd});
    epoll_event event{.events = EPOLLIN, .data = {.ptr = peer.get()}};
    CheckSystem(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
  }
}

// The load generator sends whole frames, and in a closed loop few.
void BareSender::Read(Peer& peer) {
  const ssize_t count = recv(peer.fd, buffer_->data(), buffer_->size(), 0);
  if (count <= 0) return Remove(peer);
  absl::string_view bytes(buffer_->data(), static_cast<size_t>(count));
  if (peer.group == nullptr) {
    uint32_t group = 0;
    Check(bytes.size() >= sizeof(group), "a group came in pieces");
    std::memcpy(&group, bytes.data(), sizeof(group));
    bytes.remove_prefix(sizeof(group));
    peer.group = &groups_[group];
    peer.group->members.push_back(&peer);
    CheckSystem(send(peer.fd, kJoined.data(), kJoined.size(), 0) == static_cast<ssize_t>(kJoined.size()), "send");
  }
  while (!bytes.empty()) {
    constexpr size_t kMask = 4;
    size_t header = 2 + kMask;
    size_t size = static_cast<uint8_t>(bytes[1]) & 0x7f;
    if (size == 126) {
      size = static_cast<uint8_t>(bytes[2]) << 8 | static_cast<uint8_t>(bytes[3]);
      header += 2;
    }
    Check(bytes.size() >= header + size, "a publish came in pieces");
    Publish(peer, bytes.substr(header, size));
    bytes.remove_prefix(header + size);
  }
}

void BareSender::Publish(Peer& peer, absl::string_view message) {
  constexpr size_t kEnd = 3;  // "}}
  Group& group = *peer.group;
  if (group.frames.empty()) dirty_.push_back(&group);
  group.publisher = &peer;
  const size_t at = group.frames.size();
  group.frames.append(frame_);
  std::memcpy(group.frames.data() + at + data_at_, message.data() + message.size() - kEnd - kDataBytes, kDataBytes);
}

// A closed loop never fills a socket's buffer.
void BareSender::Flush(Group& group) {
  const iovec part{group.frames.data(), group.frames.size()};
  for (const Peer* peer : group.members) {
    if (peer == group.publisher) continue;
    const ssize_t sent = writev(peer->fd, &part, 1);
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) continue;
    CheckSystem(sent == static_cast<ssize_t>(part.iov_len), "writev");
  }
  group.frames.clear();
}

void BareSender::Remove(Peer& peer) {
  close(peer.fd);
  if (peer.group != nullptr) std::erase(peer.group->members, &peer);
  peers_.erase(peer.fd);
}

}  // namespace

int ServeBareSender(const std::string& event) {
  RaiseFileLimit();
  BareSender sender(event);
  SayReady({{"tcp", sender.port()}});
  sender.Run();
}

}  // namespace atrium::bench
