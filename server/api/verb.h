#pragma once

#include <array>

#include "absl/strings/string_view.h"

namespace atrium {

// What can be asked of rooms and sessions. Each is a method of RoomService or SessionService.
enum class Verb {
  kJoin,
  kLeave,
  kEmit,
  kSendMessage,
  kSetState,
  kGetState,
  kGetHistory,
  kWatch,
  kGetRoom,
  kListRooms,
  kListMembers,
  kCall,
  kUpdateRoom,
  kDestroyRoom,
  kListRoomTypes,
  kGetStats,
  kConnect,
  kListSessions,
  kDisconnectSession,
};

// The names of their methods, in their order, as scopes of services have them.
inline constexpr std::array<absl::string_view, 19> kVerbNames = {
    "Join",        "Leave",      "Emit",         "SendMessage",      "SetState",
    "GetState",    "GetHistory", "Watch",        "GetRoom",          "ListRooms",
    "ListMembers", "Call",       "UpdateRoom",   "DestroyRoom",      "ListRoomTypes",
    "GetStats",    "Connect",    "ListSessions", "DisconnectSession"};

constexpr absl::string_view VerbName(Verb verb) { return kVerbNames[static_cast<size_t>(verb)]; }

}  // namespace atrium
