#include "rooms/chat_room.h"

#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"
#include "server/common/utf8.h"

namespace atrium::rooms {
namespace {

constexpr int kMaxMembers = 100;
constexpr int kKeptMessages = 100;
constexpr size_t kMaxName = 50;
constexpr size_t kMaxUsername = 30;

absl::Status CheckLength(absl::string_view field, absl::string_view text, size_t max) {
  if (CountCharacters(text) <= max) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("must have at most ", max, " characters"));
}

absl::Status ReadJoin(const JoinContext& join, ChatJoin& request) {
  RETURN_IF_ERROR(join.ReadPayload(request));
  RETURN_IF_ERROR(CheckLength("payload.name", request.name(), kMaxName));
  RETURN_IF_ERROR(CheckLength("payload.username", request.username(), kMaxUsername));
  if (!request.create() && !request.name().empty()) return InvalidField("payload.name", "is for a join with create");
  return RoomPassword::Validate("payload.password", request.password());
}

absl::Status RoomExists() { return MakeError(absl::StatusCode::kAlreadyExists, "ROOM_EXISTS", "Room already exists"); }

}  // namespace

void ChatRoom::Describe(RoomType<ChatRoom>& type) {
  type.options().max_members = kMaxMembers;
  type.options().durable = true;
  type.Method("addMessage", &ChatRoom::AddMessage)
      .Method("setPassword", &ChatRoom::SetPassword, Access::kMember)
      .Event<ChatMessage>("chat:message")
      .FromMembers<Typing>("typing");
}

Awaitable<absl::Status> ChatRoom::OnJoin(JoinContext& join) {
  ChatJoin request;
  if (absl::Status status = ReadJoin(join, request); !status.ok()) co_return status;
  absl::Status status;
  if (request.create()) {
    status = co_await Create(request, join.member);
  } else {
    status = co_await Enter(request, join.member);
  }
  if (!status.ok()) co_return status;
  // Nothing waits from here on: this and the admission are one step.
  if (!request.username().empty()) join.info["username"] = request.username();
  MutateMeta([](ChatMeta& meta) { meta.set_joined(true); });
  Mutate([&](ChatState& state) { state.set_online_count(MemberCount() + 1); });
  co_return absl::OkStatus();
}

Awaitable<absl::Status> ChatRoom::Create(const ChatJoin& request, const MemberInfo& creator) {
  if (Exists()) co_return RoomExists();
  const absl::StatusOr<std::string> hash = co_await password_.Hash(request.password(), creator);
  if (!hash.ok()) co_return hash.status();
  if (Exists()) co_return RoomExists();  // Somebody came meanwhile.
  KeepPassword(*hash);
  MutateMeta([&](ChatMeta& meta) {
    meta.set_creator_user_id(creator.user_id);
    meta.set_creator_member_id(creator.id);
  });
  Mutate([&](ChatState& state) { state.set_name(request.name()); });
  SetMetadata({{"name", request.name()}, {"createdBy", creator.user_id}});
  co_return absl::OkStatus();
}

Awaitable<absl::Status> ChatRoom::Enter(const ChatJoin& request, const MemberInfo& who) {
  std::string checked;
  // It is checked again if the password is changed meanwhile.
  while (checked != meta().password_hash()) {
    checked = meta().password_hash();
    absl::Status status = co_await password_.Check(who, checked, request.password());
    if (!status.ok()) co_return status;
  }
  co_return absl::OkStatus();
}

bool ChatRoom::Exists() const { return meta().joined() || meta().posted() > 0 || !meta().password_hash().empty(); }

Awaitable<absl::StatusOr<SetPasswordResponse>> ChatRoom::SetPassword(const SetPasswordRequest& request,
                                                                     const CallContext& call) {
  const bool by_user = !meta().creator_user_id().empty();
  if (call.member &&
      (by_user ? call.member->user_id != meta().creator_user_id() : call.member->id != meta().creator_member_id())) {
    co_return MakeError(absl::StatusCode::kPermissionDenied, "NOT_THE_CREATOR",
                        "Only the creator may set the password");
  }
  if (absl::Status status = RoomPassword::Validate("password", request.password()); !status.ok()) co_return status;
  const absl::StatusOr<std::string> hash = co_await password_.Hash(request.password(), call.member);
  if (!hash.ok()) co_return hash.status();
  KeepPassword(*hash);
  SetPasswordResponse response;
  response.set_is_private(state().is_private());
  co_return response;
}

void ChatRoom::KeepPassword(const std::string& hash) {
  MutateMeta([&](ChatMeta& meta) { meta.set_password_hash(hash); });
  Mutate([&](ChatState& state) { state.set_is_private(!hash.empty()); });
  SetMetadata({{"isPrivate", !hash.empty()}});
}

void ChatRoom::OnLeave(LeaveContext& leave) {
  typing_.Stop(leave.member.id);
  Mutate([&](ChatState& state) { state.set_online_count(MemberCount() - 1); });
}

absl::Status ChatRoom::OnEvent(const EventContext& event) {
  return event.event == "typing" && event.sender ? typing_.OnEvent(event) : absl::OkStatus();
}

absl::StatusOr<ChatMessage> ChatRoom::AddMessage(const AddMessageRequest& request, const CallContext& call) {
  if (request.text().empty()) return InvalidField("text", "must not be empty");
  MutateMeta([](ChatMeta& meta) { meta.set_posted(meta.posted() + 1); });
  ChatMessage message;
  message.set_id(absl::StrCat("msg-", absl::ToUnixMillis(call.time), "-", meta().posted()));
  message.set_user(request.user());
  message.set_text(request.text());
  if (call.member && !call.member->user_id.empty()) message.set_user_id(call.member->user_id);
  *message.mutable_timestamp() = ToTimestamp(call.time);
  Append(&ChatState::mutable_messages, message, kKeptMessages);
  Emit("chat:message", message);
  return message;
}

}  // namespace atrium::rooms
