#include "rooms/chat_room.h"

#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"

namespace atrium::rooms {
namespace {

constexpr int kMaxMembers = 100;
constexpr int kKeptMessages = 100;
constexpr absl::Duration kTypingTimeout = absl::Seconds(3);

}  // namespace

void ChatRoom::Describe(RoomType<ChatRoom>& type) {
  type.options().max_members = kMaxMembers;
  type.Method("addMessage", &ChatRoom::AddMessage).Event<ChatMessage>("chat:message").FromMembers<Typing>("typing");
}

Awaitable<absl::Status> ChatRoom::OnJoin(JoinContext& join) {
  if (meta().created_by().empty()) MutateMeta([&](ChatMeta& meta) { meta.set_created_by(join.member.id); });
  Mutate([&](ChatState& state) { state.set_online_count(MemberCount() + 1); });
  co_return absl::OkStatus();
}

void ChatRoom::OnLeave(LeaveContext& leave) {
  StopTyping(leave.member.id);
  Mutate([&](ChatState& state) { state.set_online_count(MemberCount() - 1); });
}

absl::Status ChatRoom::OnEvent(const EventContext& event) {
  if (event.event != "typing" || !event.sender) return absl::OkStatus();
  Typing typing;
  RETURN_IF_ERROR(MessageFromJson(event.data.ToJsonValue(), typing));
  if (!typing.member_id().empty()) return InvalidField("data.memberId", "must be empty: the sender is known");
  const std::string member_id = event.sender->id;
  if (const auto it = typing_.find(member_id); it != typing_.end()) {
    CancelTimer(it->second);
    typing_.erase(it);
  }
  if (typing.typing()) typing_[member_id] = After(kTypingTimeout, [this, member_id] { StopTyping(member_id); });
  return absl::OkStatus();
}

void ChatRoom::StopTyping(const std::string& member_id) {
  const auto it = typing_.find(member_id);
  if (it == typing_.end()) return;
  CancelTimer(it->second);
  typing_.erase(it);
  Typing stopped;
  stopped.set_member_id(member_id);
  Emit("typing", stopped, {.exclude = {member_id}, .is_volatile = true});
}

absl::StatusOr<ChatMessage> ChatRoom::AddMessage(const AddMessageRequest& request, const CallContext& call) {
  if (request.text().empty()) return InvalidField("text", "must not be empty");
  MutateMeta([](ChatMeta& meta) { meta.set_posted(meta.posted() + 1); });
  ChatMessage message;
  message.set_id(absl::StrCat("msg-", absl::ToUnixMillis(call.time), "-", meta().posted()));
  message.set_user(request.user());
  message.set_text(request.text());
  *message.mutable_timestamp() = ToTimestamp(call.time);
  Mutate([&](ChatState& state) {
    auto& messages = *state.mutable_messages();
    if (messages.size() == kKeptMessages) messages.DeleteSubrange(0, 1);
    *messages.Add() = message;
  });
  Emit("chat:message", message);
  return message;
}

}  // namespace atrium::rooms
