#include "rooms/chat_room.h"

#include "absl/strings/str_cat.h"
#include "server/common/errors.h"

namespace atrium::rooms {
namespace {

constexpr int kMaxMembers = 100;
constexpr int kKeptMessages = 100;

}  // namespace

void ChatRoom::Describe(RoomType<ChatRoom>& type) {
  type.options().max_members = kMaxMembers;
  type.Method("addMessage", &ChatRoom::AddMessage);
}

Awaitable<absl::Status> ChatRoom::OnJoin(JoinContext& join) {
  if (meta().created_by().empty()) MutateMeta([&](ChatMeta& meta) { meta.set_created_by(join.member.id); });
  Mutate([&](ChatState& state) { state.set_online_count(MemberCount() + 1); });
  co_return absl::OkStatus();
}

void ChatRoom::OnLeave(LeaveContext&) {
  Mutate([&](ChatState& state) { state.set_online_count(MemberCount() - 1); });
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
