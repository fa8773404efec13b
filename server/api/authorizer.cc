#include "server/api/authorizer.h"

#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/live/authoring/room_id.h"
#include "server/live/authoring/room_registry.h"
#include "server/live/rooms/room_errors.h"

namespace atrium {
namespace {

absl::Status ServerCodeOnly() {
  return MakeError(absl::StatusCode::kPermissionDenied, "SERVER_CODE_ONLY", "Only services and components may do that");
}

bool IsServerCode(const Caller& caller) { return caller.kind() != Caller::Kind::kClient; }

}  // namespace

// One question, and the rules that answer it.
struct Authorizer::Inquiry {
  const RoomRegistry& registry;
  const Caller& caller;
  const absl::string_view room_id;
  const absl::string_view method;
  std::vector<std::string>* const steps;

  absl::Status Anybody() const {
    if (steps != nullptr) steps->emplace_back("anybody may: yes");
    return absl::OkStatus();
  }

  absl::Status OnlyServerCode() const { return AskedByServerCode() ? absl::OkStatus() : ServerCodeOnly(); }

  // The room itself looks whether a client is a member, and then whether the method is for members.
  absl::Status ServerCodeOrMembers() const {
    if (steps == nullptr || AskedByServerCode()) return absl::OkStatus();
    steps->push_back(absl::StrCat("a member of the room", method.empty() ? "" : ", which may call ", method,
                                  ": for the room to say"));
    return absl::OkStatus();
  }

  // A component brings its client into a typed room.
  absl::Status ServerCodeOrUntyped() const {
    return AskedByServerCode() || IsUntyped() ? absl::OkStatus() : ServerSideJoinOnly();
  }

  // The state of a typed room is its own.
  absl::Status OnlyUntyped() const { return IsUntyped() ? absl::OkStatus() : StateIsServerOnly(); }

 private:
  bool AskedByServerCode() const { return Tried("asked by a service or a component", IsServerCode(caller)); }
  bool IsUntyped() const {
    const bool typed = ValidateRoomId("roomId", room_id).ok() && registry.TypeOf(room_id) != nullptr;
    return Tried("the room is untyped", !typed);
  }
  bool Tried(absl::string_view condition, bool holds) const {
    if (steps != nullptr) steps->push_back(absl::StrCat(condition, holds ? ": yes" : ": no"));
    return holds;
  }
};

absl::Status Authorizer::Authorize(const Caller& caller, Verb verb, absl::string_view room_id, absl::string_view method,
                                   std::vector<std::string>* steps) const {
  const Inquiry inquiry{registry_, caller, room_id, method, steps};
  switch (verb) {
    case Verb::kJoin: return inquiry.ServerCodeOrUntyped();
    case Verb::kLeave: return inquiry.ServerCodeOrMembers();
    case Verb::kEmit: return inquiry.ServerCodeOrMembers();
    case Verb::kSendMessage: return inquiry.OnlyServerCode();
    case Verb::kSetState: return inquiry.OnlyUntyped();
    case Verb::kGetState: return inquiry.ServerCodeOrMembers();
    case Verb::kGetHistory: return inquiry.OnlyServerCode();
    case Verb::kWatch: return inquiry.OnlyServerCode();
    case Verb::kGetRoom: return inquiry.OnlyServerCode();
    case Verb::kListRooms: return inquiry.OnlyServerCode();
    case Verb::kListMembers: return inquiry.OnlyServerCode();
    case Verb::kCall: return inquiry.ServerCodeOrMembers();
    case Verb::kUpdateRoom: return inquiry.OnlyServerCode();
    case Verb::kDestroyRoom: return inquiry.OnlyServerCode();
    case Verb::kListRoomTypes: return inquiry.OnlyServerCode();
    case Verb::kGetStats: return inquiry.OnlyServerCode();
    // Each request that it carries is looked at by itself.
    case Verb::kConnect: return inquiry.Anybody();
    case Verb::kListSessions: return inquiry.OnlyServerCode();
    case Verb::kDisconnectSession: return inquiry.OnlyServerCode();
  }
  return absl::InternalError("no such verb");
}

absl::Status Authorizer::AuthorizeInfo(const Caller& caller) const {
  return IsServerCode(caller) ? absl::OkStatus() : InvalidField("info", "is set by services only");
}

}  // namespace atrium
