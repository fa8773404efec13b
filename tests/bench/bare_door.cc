#include "tests/bench/bare_door.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <unordered_map>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "tests/bench/bare_loop.h"
#include "tests/bench/check.h"
#include "tests/bench/child_process.h"
#include "tests/bench/client.h"

namespace atrium::bench {
namespace {

constexpr absl::string_view kHandshake =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: atrium.v1.json\r\n\r\n";

struct Visitor : BareLoop::Peer {
  int requests = 0;
  // Of this turn.
  std::string out;
};

class BareDoor final : public BareLoop {
 public:
  explicit BareDoor(const DoorTexts& texts);

 private:
  Peer& OnAccept(int fd) override;
  void OnReadable(Peer& peer) override;
  void OnTurnEnd() override;
  void Join(Visitor& visitor, absl::string_view request);
  void Send(Visitor& visitor, absl::string_view bytes);
  void Flush(Visitor& visitor);

  const std::string welcome_;
  const std::string member_;
  std::vector<std::string> joined_;
  std::vector<std::unique_ptr<Visitor>> visitors_;
  std::unordered_map<int, std::vector<Visitor*>> rooms_;
  std::vector<Visitor*> dirty_;
  std::array<char, 4096> buffer_;
};

BareDoor::BareDoor(const DoorTexts& texts) : welcome_(TextFrame(texts.welcome)), member_(TextFrame(texts.member)) {
  for (const std::string& text : texts.joined) joined_.push_back(TextFrame(text));
}

BareLoop::Peer& BareDoor::OnAccept(int fd) {
  visitors_.push_back(std::make_unique<Visitor>(Visitor{{fd}}));
  return *visitors_.back();
}

void BareDoor::OnTurnEnd() {
  for (Visitor* visitor : dirty_) Flush(*visitor);
  dirty_.clear();
}

// The load generator asks one thing after the other, in one piece each, and stays.
void BareDoor::OnReadable(Peer& peer) {
  auto& visitor = static_cast<Visitor&>(peer);
  const ssize_t count = recv(visitor.fd, buffer_.data(), buffer_.size(), 0);
  if (count <= 0) {
    close(visitor.fd);
    return;
  }
  switch (visitor.requests++) {
    case 0: return Send(visitor, kHandshake);
    case 1: return Send(visitor, welcome_);
    default: return Join(visitor, {buffer_.data(), static_cast<size_t>(count)});
  }
}

void BareDoor::Join(Visitor& visitor, absl::string_view request) {
  size_t end = request.size();
  while (end > 0 && !absl::ascii_isdigit(request[end - 1])) --end;
  size_t begin = end;
  while (begin > 0 && absl::ascii_isdigit(request[begin - 1])) --begin;
  std::vector<Visitor*>& room = rooms_[std::atoi(request.data() + begin)];
  Check(room.size() < joined_.size(), "a room of the bare door has more members than texts");
  Send(visitor, joined_[room.size()]);
  for (Visitor* other : room) Send(*other, member_);
  room.push_back(&visitor);
}

void BareDoor::Send(Visitor& visitor, absl::string_view bytes) {
  if (visitor.out.empty()) dirty_.push_back(&visitor);
  visitor.out.append(bytes.data(), bytes.size());
}

void BareDoor::Flush(Visitor& visitor) {
  const ssize_t sent = send(visitor.fd, visitor.out.data(), visitor.out.size(), MSG_NOSIGNAL);
  CheckSystem(sent == static_cast<ssize_t>(visitor.out.size()), "send");
  visitor.out.clear();
}

}  // namespace

int ServeBareDoor(const DoorTexts& texts) {
  RaiseFileLimit();
  BareDoor door(texts);
  SayReady({{"tcp", door.port()}});
  door.Run();
}

}  // namespace atrium::bench
