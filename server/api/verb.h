#pragma once

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

}  // namespace atrium
