#pragma once

#include "absl/strings/string_view.h"
#include "rooms/chat.pb.h"
#include "server/live/live_room.h"

namespace atrium::rooms {

// A chat: keeps the last 100 messages for whoever comes later, and counts who is there. At most 100 members.
class ChatRoom final : public LiveRoom<ChatState, ChatMeta> {
 public:
  static constexpr absl::string_view kName = "chat";
  static void Describe(RoomType<ChatRoom>& type);

  Awaitable<absl::Status> OnJoin(JoinContext& join) override;
  void OnLeave(LeaveContext& leave) override;

  // "addMessage": keeps the message and sends it as event `chat:message`. INVALID_ARGUMENT if there is no text.
  absl::StatusOr<ChatMessage> AddMessage(const AddMessageRequest& request, const CallContext& call);
};

}  // namespace atrium::rooms
