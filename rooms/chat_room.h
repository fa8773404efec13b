#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "rooms/chat.pb.h"
#include "server/live/live_room.h"

namespace atrium::rooms {

// A chat: keeps the last 100 messages for whoever comes later, counts who is there, and passes on who is typing, for 3
// s after the last sign of it. At most 100 members.
class ChatRoom final : public LiveRoom<ChatState, ChatMeta> {
 public:
  static constexpr absl::string_view kName = "chat";
  static void Describe(RoomType<ChatRoom>& type);

  Awaitable<absl::Status> OnJoin(JoinContext& join) override;
  void OnLeave(LeaveContext& leave) override;
  absl::Status OnEvent(const EventContext& event) override;

  // "addMessage": keeps the message and sends it as event `chat:message`. INVALID_ARGUMENT if there is no text.
  absl::StatusOr<ChatMessage> AddMessage(const AddMessageRequest& request, const CallContext& call);

 private:
  void StopTyping(const std::string& member_id);

  // The timers of those who type, by member.
  absl::flat_hash_map<std::string, Shard::TimerId> typing_;
};

}  // namespace atrium::rooms
