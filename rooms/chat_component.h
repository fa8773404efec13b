#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "rooms/chat.pb.h"
#include "server/live/authoring/live_component.h"

namespace atrium::rooms {

// A user in chats: takes its client into rooms and speaks for it there. The client is in `directory:main` too, which
// shows what rooms there are. What a rule or a room refuses is a result with `error`.
class ChatComponent final : public LiveComponent<ChatUserState> {
 public:
  static constexpr absl::string_view kName = "LiveRoomChat";
  static void Describe(ComponentType<ChatComponent>& type);

  Awaitable<absl::Status> OnMount() override;
  void OnRemoved(const std::string& room_id, v1::LeaveReason reason) override;

  using Result = absl::StatusOr<ChatResult>;
  // "createRoom" makes a room that is new; "joinRoom" joins one. A public room comes to be when it is first joined.
  Awaitable<Result> CreateRoom(const CreateRoomRequest& request);
  Awaitable<Result> JoinRoom(const JoinRoomRequest& request);
  // "leaveRoom" leaves a room, and the first that remains is active from then on; "switchRoom" makes that one active.
  Awaitable<Result> LeaveRoom(const LeaveRoomRequest& request);
  Result SwitchRoom(const SwitchRoomRequest& request);
  // "sendMessage" speaks in a room that it is in; "setUsername" names the user in what is said from then on.
  Awaitable<Result> SendMessage(const SendChatRequest& request);
  Result SetUsername(const SetUsernameRequest& request);

 private:
  bool IsIn(absl::string_view id) const;
  void Enter(const std::string& id, const std::string& name, bool is_private);
  void Forget(absl::string_view id);
};

}  // namespace atrium::rooms
