#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "rooms/chat.pb.h"
#include "rooms/typing_indicator.h"
#include "server/live/authoring/live_room.h"
#include "server/live/authoring/room_password.h"

namespace atrium::rooms {

// A chat of at most 100 members. It keeps the last 100 messages for whoever comes later, counts who is there, and
// passes on who is typing, for 3 s after the last sign of it.
//
// A join with `create` makes the joiner the creator of a new room, who may set its password, then or later. Whoever
// joins another way finds a room that is there, or makes one that has no creator. Name, isPrivate and createdBy (a user
// id) are in the room's metadata; they and the password go with the room.
class ChatRoom final : public LiveRoom<ChatState, ChatMeta> {
 public:
  static constexpr absl::string_view kName = "chat";
  static void Describe(RoomType<ChatRoom>& type);

  // The payload is a ChatJoin. PERMISSION_DENIED "Wrong password", ALREADY_EXISTS "Room already exists" with `create`.
  Awaitable<absl::Status> OnJoin(JoinContext& join) override;
  void OnLeave(LeaveContext& leave) override;
  absl::Status OnEvent(const EventContext& event) override;

  // "addMessage": keeps the message and sends it as event `chat:message`. INVALID_ARGUMENT if there is no text.
  absl::StatusOr<ChatMessage> AddMessage(const AddMessageRequest& request, const CallContext& call);
  // "setPassword": sets the room's password, for members too. PERMISSION_DENIED unless it is the creator.
  Awaitable<absl::StatusOr<SetPasswordResponse>> SetPassword(const SetPasswordRequest& request,
                                                             const CallContext& call);

 private:
  Awaitable<absl::Status> Create(const ChatJoin& request, const MemberInfo& creator);
  Awaitable<absl::Status> Enter(const ChatJoin& request, const MemberInfo& who);
  bool Exists() const;
  void KeepPassword(const std::string& hash);

  RoomPassword password_{*this};
  TypingIndicator typing_{*this};
};

}  // namespace atrium::rooms
