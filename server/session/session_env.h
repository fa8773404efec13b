#pragma once

#include <utility>

#include "server/access/authenticator.h"
#include "server/api/attendance.h"
#include "server/api/room_api.h"
#include "server/common/headroom.h"
#include "server/common/log.h"
#include "server/live/rooms/site.h"
#include "server/live/shards/shard.h"
#include "server/session/session_counters.h"
#include "server/session/session_id.h"
#include "server/session/session_settings.h"
#include "server/session/session_table.h"
#include "server/session/standstill_clock.h"
#include "server/session/user_sessions.h"
#include "server/wire/deflate.h"

namespace atrium {

// What the connections, sessions and observers of one shard share. The hub of the shard owns it. It is used on the
// shard, but for `counters` and what says so itself.
struct SessionEnv {
  SessionEnv(Shard& shard, Site& site, const SessionSettings& settings, const Authenticator& authenticator,
             RoomApi& api, Attendance& attendance, Log& log, SessionTable& sessions, Headroom* headroom,
             UserSessions* user_sessions, absl::AnyInvocable<void(absl::Duration)> stood_still)
      : shard(shard),
        site(site),
        settings(settings),
        authenticator(authenticator),
        api(api),
        attendance(attendance),
        log(log),
        sessions(sessions),
        headroom(headroom),
        user_sessions(user_sessions),
        clock(shard, std::move(stood_still)),
        deflater(settings.compress_above),
        keys({.shard = shard.index()}) {}

  // Returns the time for deadlines of clients.
  SteadyTime Now() { return clock.Now(); }

  Shard& shard;
  // It is the shard, as rooms see it.
  Site& site;
  const SessionSettings settings;
  const Authenticator& authenticator;
  RoomApi& api;
  Attendance& attendance;
  Log& log;
  SessionTable& sessions;
  // This is null if any number of sessions may come.
  Headroom* const headroom;
  // This is null if a user may have any number.
  UserSessions* const user_sessions;
  StandstillClock clock;
  // It compresses the frames to one session.
  Deflater deflater;
  SessionKeys keys;
  SessionCounters counters;
};

}  // namespace atrium
