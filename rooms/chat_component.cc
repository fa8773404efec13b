#include "rooms/chat_component.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "rooms/chat_room.h"
#include "rooms/directory_room.h"
#include "rooms/username.h"
#include "server/common/utf8.h"

namespace atrium::rooms {
namespace {

ChatResult Success(const std::string& room_id) {
  ChatResult result;
  result.set_success(true);
  result.set_room_id(room_id);
  return result;
}

ChatResult Refused(absl::string_view why) {
  ChatResult result;
  result.set_error(std::string(why));
  return result;
}

}  // namespace

void ChatComponent::Describe(ComponentType<ChatComponent>& type) {
  type.ClientSets({"username"})
      .Action("createRoom", &ChatComponent::CreateRoom)
      .Action("joinRoom", &ChatComponent::JoinRoom)
      .Action("leaveRoom", &ChatComponent::LeaveRoom)
      .Action("switchRoom", &ChatComponent::SwitchRoom)
      .Action("sendMessage", &ChatComponent::SendMessage)
      .Action("setUsername", &ChatComponent::SetUsername);
}

Awaitable<absl::Status> ChatComponent::OnMount() {
  if (!IsUsername(state().username())) co_return InvalidUsername();
  co_return co_await Room<DirectoryRoom>("main").Join();
}

Awaitable<ChatComponent::Result> ChatComponent::CreateRoom(const CreateRoomRequest& request) {
  const std::string& id = request.room_id();
  if (id.empty() || request.room_name().empty()) co_return Refused("Room ID and name are required");
  if (CountCharacters(id) > 30 || CountCharacters(request.room_name()) > 50) co_return Refused("Room ID/name too long");
  if (Room<ChatRoom>(id).joined()) co_return Refused("Room already exists");
  ChatJoin join;
  join.set_create(true);
  join.set_name(request.room_name());
  join.set_password(request.password());
  join.set_username(state().username());
  const absl::Status joined = co_await Room<ChatRoom>(id).Join(join);
  if (!joined.ok()) co_return Refused(joined.message());
  Enter(id, request.room_name(), !request.password().empty());
  co_return Success(id);
}

Awaitable<ChatComponent::Result> ChatComponent::JoinRoom(const JoinRoomRequest& request) {
  const std::string& id = request.room_id();
  if (id.empty()) co_return Refused("Room ID is required");
  if (!IsIn(id)) {
    auto room = Room<ChatRoom>(id);
    ChatJoin join;
    join.set_password(request.password());
    join.set_username(state().username());
    const absl::Status joined = co_await room.Join(join);
    if (!joined.ok()) co_return Refused(joined.message());
    const absl::StatusOr<ChatState> chat = co_await room.State();
    // Somebody may have taken it out meanwhile.
    if (!chat.ok() || !room.joined()) co_return Refused("Not in this room");
    Enter(id, chat->name().empty() ? id : chat->name(), chat->is_private());
  }
  Mutate([&](ChatUserState& state) { state.set_active_room(id); });
  co_return Success(id);
}

Awaitable<ChatComponent::Result> ChatComponent::LeaveRoom(const LeaveRoomRequest& request) {
  // It is forgotten at once, so that a joinRoom that comes meanwhile joins behind this; and again, because one that
  // came before may have entered it only now.
  Forget(request.room_id());
  const absl::Status left = co_await Room<ChatRoom>(request.room_id()).Leave();
  if (!left.ok()) co_return Refused("Not in this room");
  Forget(request.room_id());
  co_return Success(request.room_id());
}

ChatComponent::Result ChatComponent::SwitchRoom(const SwitchRoomRequest& request) {
  if (!IsIn(request.room_id())) return Refused("Not in this room");
  Mutate([&](ChatUserState& state) { state.set_active_room(request.room_id()); });
  return Success(request.room_id());
}

Awaitable<ChatComponent::Result> ChatComponent::SendMessage(const SendChatRequest& request) {
  const std::string room = request.room_id().empty() ? state().active_room() : request.room_id();
  if (room.empty()) co_return Refused("No active room");
  if (!IsIn(room)) co_return Refused("Not in this room");
  AddMessageRequest message;
  message.set_text(std::string(absl::StripAsciiWhitespace(request.text())));
  message.set_user(state().username().empty() ? user_id() : state().username());
  if (message.text().empty()) co_return Refused("Message cannot be empty");
  if (CountCharacters(message.text()) > 1000) co_return Refused("Message too long");
  absl::StatusOr<ChatMessage> added =
      co_await Room<ChatRoom>(room).Call<ChatMessage>("addMessage", message, request.idempotency_key());
  if (!added.ok()) co_return Refused(added.status().message());
  ChatResult result = Success(room);
  *result.mutable_message() = *std::move(added);
  co_return result;
}

ChatComponent::Result ChatComponent::SetUsername(const SetUsernameRequest& request) {
  const std::string username(absl::StripAsciiWhitespace(request.username()));
  if (username.empty() || !IsUsername(username)) return Refused("Invalid username");
  Mutate([&](ChatUserState& state) { state.set_username(username); });
  ChatResult result;
  result.set_success(true);
  return result;
}

void ChatComponent::OnRemoved(const std::string& room_id, v1::LeaveReason) {
  absl::string_view id = room_id;
  if (absl::ConsumePrefix(&id, "chat:")) Forget(id);
}

bool ChatComponent::IsIn(absl::string_view id) const {
  return absl::c_any_of(state().rooms(), [&](const ChatUserState::Room& room) { return room.id() == id; });
}

void ChatComponent::Enter(const std::string& id, const std::string& name, bool is_private) {
  Mutate([&](ChatUserState& state) {
    state.set_active_room(id);
    if (IsIn(id)) return;
    ChatUserState::Room& room = *state.add_rooms();
    room.set_id(id);
    room.set_name(name);
    room.set_is_private(is_private);
  });
}

void ChatComponent::Forget(absl::string_view id) {
  Mutate([&](ChatUserState& state) {
    auto& rooms = *state.mutable_rooms();
    rooms.erase(std::remove_if(rooms.begin(), rooms.end(), [&](const auto& room) { return room.id() == id; }),
                rooms.end());
    if (state.active_room() != id) return;
    state.clear_active_room();
    if (!rooms.empty()) state.set_active_room(rooms[0].id());
  });
}

}  // namespace atrium::rooms
