#include "server/session/absence.h"

#include <algorithm>
#include <utility>

#include "server/session/session.h"
#include "server/session/session_hub.h"

namespace atrium {
namespace {

// One who is back within this has not been away for the others.
constexpr absl::Duration kUnnoticed = absl::Seconds(2);

}  // namespace

Absence::Absence(Session& session) : session_(session), start_(session.hub().shard().Now()) {
  ContinueAfter(NextDue());
}

Absence::~Absence() { session_.hub().shard().Cancel(timer_); }

void Absence::OnJoined(const std::string& room_id) {
  joined_[room_id] = session_.hub().shard().Now();
  leaving_.erase(room_id);
  if (told_) session_.hub().api().SetConnected(room_id, session_.MembersIn(room_id), /*connected=*/false);
  session_.hub().shard().Cancel(timer_);
  ContinueAfter(absl::ZeroDuration());
}

void Absence::OnRemoved(const std::string& room_id, FramePtr left) {
  if (left != nullptr) Keep(std::move(left));
  leaving_.erase(room_id);
}

void Absence::ContinueAfter(absl::Duration delay) {
  SessionHub& hub = session_.hub();
  auto task = [&hub, key = session_.key(), generation = session_.generation()] {
    Session* const session = hub.FindByKey(key);
    if (session == nullptr || session->absence() == nullptr || session->generation() != generation) return;
    session->absence()->Continue();
  };
  // Not at once: a room may be in the middle of sending to the session.
  timer_ = 0;
  if (delay <= absl::ZeroDuration()) {
    hub.shard().Post(std::move(task));
  } else {
    timer_ = hub.shard().After(delay, std::move(task));
  }
}

absl::Duration Absence::AwayFrom(const std::string& room_id) const {
  const auto it = joined_.find(room_id);
  return session_.hub().shard().Now() - (it == joined_.end() ? start_ : it->second);
}

absl::Duration Absence::End() const {
  absl::Duration end = session_.hub().settings().resume_window;
  for (const auto& [room_id, room] : session_.seats().rooms()) {
    if (room.channel != nullptr && !leaving_.contains(room_id)) {
      end = std::max(end, room.channel->terms().resume_window);
    }
  }
  return end;
}

absl::Duration Absence::NextDue() const {
  const absl::Duration away = session_.hub().shard().Now() - start_;
  absl::Duration next = End() - away;
  if (!told_) next = std::min(next, kUnnoticed - away);
  for (const auto& [room_id, room] : session_.seats().rooms()) {
    if (room.channel == nullptr || leaving_.contains(room_id)) continue;
    next = std::min(next, room.channel->terms().resume_window - AwayFrom(room_id));
  }
  return next;
}

void Absence::Continue() {
  SessionHub& hub = session_.hub();
  const absl::Duration away = hub.shard().Now() - start_;
  if (away >= End()) return hub.End(session_);
  if (!told_ && away >= kUnnoticed) {
    told_ = true;
    session_.TellConnected(false);
  }
  for (const auto& [room_id, room] : session_.seats().rooms()) {
    if (room.channel == nullptr || leaving_.contains(room_id)) continue;
    if (AwayFrom(room_id) < room.channel->terms().resume_window) continue;
    leaving_.insert(room_id);
    for (const std::string& member : session_.MembersIn(room_id)) {
      hub.api().Disconnect(room_id, member, /*tell=*/true);
    }
  }
  hub.shard().Cancel(timer_);
  ContinueAfter(NextDue());
}

}  // namespace atrium
