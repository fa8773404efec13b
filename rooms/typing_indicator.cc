#include "rooms/typing_indicator.h"

#include "rooms/chat.pb.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"

namespace atrium::rooms {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(3);

}  // namespace

absl::Status TypingIndicator::OnEvent(const EventContext& event) {
  Typing typing;
  RETURN_IF_ERROR(MessageFromJson(event.data.ToJsonValue(), typing));
  if (!typing.member_id().empty()) return InvalidField("data.memberId", "must be empty: the sender is known");
  const std::string member_id = event.sender->id;
  if (const auto timer = typing_.extract(member_id)) room_.CancelTimer(timer.mapped());
  if (typing.typing()) typing_[member_id] = room_.After(kTimeout, [this, member_id] { Stop(member_id); });
  return absl::OkStatus();
}

void TypingIndicator::Stop(const std::string& member_id) {
  const auto timer = typing_.extract(member_id);
  if (!timer) return;
  room_.CancelTimer(timer.mapped());
  Typing stopped;
  stopped.set_member_id(member_id);
  room_.Emit("typing", stopped, {.exclude = {member_id}, .is_volatile = true});
}

}  // namespace atrium::rooms
