#include "tests/bench/bare_sender.h"

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
#include "tests/bench/bare_loop.h"
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

struct Member : BareLoop::Peer {
  Group* group = nullptr;
};

struct Group {
  std::vector<Member*> members;
  // Of this turn: frames, one after the other, and whom they are not for.
  std::string frames;
  const Member* publisher = nullptr;
};

class BareSender final : public BareLoop {
 public:
  explicit BareSender(const std::string& event);

 private:
  Peer& OnAccept(int fd) override;
  void OnReadable(Peer& peer) override;
  void OnTurnEnd() override;
  void Publish(Member& member, absl::string_view message);
  void Flush(Group& group);
  void Remove(Member& member);

  std::string frame_;
  size_t data_at_;
  std::unordered_map<int, std::unique_ptr<Member>> members_;  // by file
  std::unordered_map<uint32_t, Group> groups_;
  std::vector<Group*> dirty_;
  std::unique_ptr<std::array<char, 65536>> buffer_ = std::make_unique<std::array<char, 65536>>();
};

BareSender::BareSender(const std::string& event)
    : frame_(TextFrame(event)), data_at_(absl::string_view(frame_).find(kDataKey)) {
  Check(data_at_ != absl::string_view::npos, "the event has no data");
  data_at_ += kDataKey.size();
  // The header of every event of the benchmark is that long.
  Check(event.size() >= 126, "the event must have 126 to 65535 bytes");
}

BareLoop::Peer& BareSender::OnAccept(int fd) { return *(members_[fd] = std::make_unique<Member>(Member{{fd}})); }

void BareSender::OnTurnEnd() {
  for (Group* group : dirty_) Flush(*group);
  dirty_.clear();
}

// The load generator sends whole frames, and in a closed loop few.
void BareSender::OnReadable(Peer& peer) {
  auto& member = static_cast<Member&>(peer);
  const ssize_t count = recv(member.fd, buffer_->data(), buffer_->size(), 0);
  if (count <= 0) return Remove(member);
  absl::string_view bytes(buffer_->data(), static_cast<size_t>(count));
  if (member.group == nullptr) {
    uint32_t group = 0;
    Check(bytes.size() >= sizeof(group), "a group came in pieces");
    std::memcpy(&group, bytes.data(), sizeof(group));
    bytes.remove_prefix(sizeof(group));
    member.group = &groups_[group];
    member.group->members.push_back(&member);
    CheckSystem(send(member.fd, kJoined.data(), kJoined.size(), 0) == static_cast<ssize_t>(kJoined.size()), "send");
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
    Publish(member, bytes.substr(header, size));
    bytes.remove_prefix(header + size);
  }
}

void BareSender::Publish(Member& member, absl::string_view message) {
  constexpr size_t kEnd = 3;  // "}}
  Group& group = *member.group;
  if (group.frames.empty()) dirty_.push_back(&group);
  group.publisher = &member;
  const size_t at = group.frames.size();
  group.frames.append(frame_);
  std::memcpy(group.frames.data() + at + data_at_, message.data() + message.size() - kEnd - kDataBytes, kDataBytes);
}

// A closed loop never fills a socket's buffer.
void BareSender::Flush(Group& group) {
  const iovec part{group.frames.data(), group.frames.size()};
  for (const Member* member : group.members) {
    if (member == group.publisher) continue;
    const ssize_t sent = writev(member->fd, &part, 1);
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) continue;
    CheckSystem(sent == static_cast<ssize_t>(part.iov_len), "writev");
  }
  group.frames.clear();
}

void BareSender::Remove(Member& member) {
  close(member.fd);
  if (member.group != nullptr) std::erase(member.group->members, &member);
  members_.erase(member.fd);
}

}  // namespace

int ServeBareSender(const std::string& event) {
  RaiseFileLimit();
  BareSender sender(event);
  SayReady({{"tcp", sender.port()}});
  sender.Run();
}

}  // namespace atrium::bench
