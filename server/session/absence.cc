#include "server/session/absence.h"

#include <algorithm>
#include <utility>

#include "server/session/session_core.h"

namespace atrium {
namespace {

// One who is back within this has not been away for the others.
constexpr absl::Duration kUnnoticed = absl::Seconds(2);

}  // namespace

Absence::Absence(SessionCore& core) : core_(core), start_(core.env().Now()) { ContinueAfter(NextDue()); }

Absence::~Absence() { core_.env().shard.Cancel(timer_); }

void Absence::OnJoined(const std::string& room_id) {
  SessionEnv& env = core_.env();
  joined_[room_id] = env.Now();
  leaving_.erase(room_id);
  if (told_) env.attendance.SetConnected(room_id, core_.seats().MembersIn(room_id), /*connected=*/false);
  env.shard.Cancel(timer_);
  ContinueAfter(absl::ZeroDuration());
}

void Absence::TellBack() const {
  if (told_) TellConnected(true);
}

void Absence::TellConnected(bool connected) const {
  for (const auto& [room_id, room] : core_.seats().rooms()) {
    if (room.channel == nullptr) continue;
    core_.env().attendance.SetConnected(room_id, core_.seats().MembersIn(room_id), connected);
  }
}

void Absence::ContinueAfter(absl::Duration delay) {
  // This object is there as long as the session has had no other connection.
  auto task = core_.WhileThere([this, &core = core_, generation = core_.generation()] {
    if (core.connection() == nullptr && core.generation() == generation) Continue();
  });
  // It does not go on at once, because a room may be in the middle of sending to the session.
  timer_ = 0;
  if (delay <= absl::ZeroDuration()) {
    core_.env().shard.Post(std::move(task));
  } else {
    timer_ = core_.env().shard.After(delay, std::move(task));
  }
}

absl::Duration Absence::AwayFrom(const std::string& room_id) const {
  const auto it = joined_.find(room_id);
  return core_.env().Now() - (it == joined_.end() ? start_ : it->second);
}

absl::Duration Absence::End() const {
  absl::Duration end = core_.env().settings.resume_window;
  for (const auto& [room_id, room] : core_.seats().rooms()) {
    if (room.channel != nullptr && !leaving_.contains(room_id)) {
      end = std::max(end, room.channel->terms().resume_window);
    }
  }
  return end;
}

absl::Duration Absence::NextDue() const {
  const absl::Duration away = core_.env().Now() - start_;
  absl::Duration next = End() - away;
  if (!told_) next = std::min(next, kUnnoticed - away);
  for (const auto& [room_id, room] : core_.seats().rooms()) {
    if (room.channel == nullptr || leaving_.contains(room_id)) continue;
    next = std::min(next, room.channel->terms().resume_window - AwayFrom(room_id));
  }
  return next;
}

void Absence::Continue() {
  SessionEnv& env = core_.env();
  const absl::Duration away = env.Now() - start_;
  if (away >= End()) return env.sessions.EndIfAway(core_.key(), core_.generation());
  if (!told_ && away >= kUnnoticed) {
    told_ = true;
    TellConnected(false);
  }
  for (const auto& [room_id, room] : core_.seats().rooms()) {
    if (room.channel == nullptr || leaving_.contains(room_id)) continue;
    if (AwayFrom(room_id) < room.channel->terms().resume_window) continue;
    leaving_.insert(room_id);
    for (const std::string& member : core_.seats().MembersIn(room_id)) {
      env.attendance.Remove(room_id, member, v1::LEAVE_REASON_DISCONNECT, /*tell=*/true);
    }
  }
  env.shard.Cancel(timer_);
  ContinueAfter(NextDue());
}

}  // namespace atrium
