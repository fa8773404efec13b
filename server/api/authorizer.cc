#include "server/api/authorizer.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "server/api/scope.h"
#include "server/common/errors.h"
#include "server/live/authoring/room_id.h"
#include "server/live/authoring/room_registry.h"
#include "server/live/rooms/room_errors.h"

namespace atrium {
namespace {

absl::Status GrantMissing(const ClientIdentity& client, GrantVerb verb, absl::string_view room_id, bool typed) {
  const absl::string_view nearest = client.NearestGrant(room_id, typed);
  return WithMetadata(MakeError(absl::StatusCode::kPermissionDenied, "GRANT_MISSING",
                                absl::StrCat("No grant of the token allows ", GrantVerbName(verb), " in room '",
                                             Excerpt(room_id), "'")),
                      {{"verb", std::string(GrantVerbName(verb))},
                       {"room", std::string(room_id)},
                       {"nearest_grant", std::string(nearest)}});
}

}  // namespace

// One question, and the rules that answer it.
struct Authorizer::Inquiry {
  const RoomRegistry& registry;
  const Caller& caller;
  const Verb verb;
  const absl::string_view room_id;
  const absl::string_view method;
  std::vector<std::string>* const steps;

  // ---- By the kind of caller

  absl::Status OnlyServerCode() const { return AskedByServerCode() ? InScope() : ServerCodeOnly(); }

  // A stream carries requests, each of which is looked at by itself.
  absl::Status Anybody() const {
    if (steps != nullptr) steps->emplace_back("anybody may: yes");
    return caller.kind() == Caller::Kind::kService ? InScope() : absl::OkStatus();
  }

  // A component brings its client into a typed room.
  absl::Status Join() const {
    if (AskedByServerCode()) return InScope();
    if (caller.kind() == Caller::Kind::kUser) return ServerCodeOnly();
    return IsUntyped() ? Granted(GrantVerb::kJoin) : ServerSideJoinOnly();
  }

  absl::Status Leave() const {
    if (caller.kind() == Caller::Kind::kUser) return ServerCodeOnly();
    if (AskedByServerCode()) return InScope();
    Left("a member of the room");
    return absl::OkStatus();
  }

  // The room itself looks whether a client is a member, and then whether the method is for members.
  absl::Status Act(GrantVerb grant) const {
    if (AskedByServerCode()) return InScope();
    const std::string which = method.empty() ? "" : absl::StrCat(", which may call ", method);
    Left(absl::StrCat("a member of the room", which));
    if (caller.kind() == Caller::Kind::kUser) return Granted(grant);
    // Who is not in the room hears of that, and not of grants.
    if (caller.entry() == Caller::Entry::kNone) return absl::OkStatus();
    const bool brought = caller.entry() == Caller::Entry::kBrought && grant != GrantVerb::kSetState;
    return Tried("brought in by server code", brought) ? absl::OkStatus() : Granted(grant);
  }

  // The state of a typed room is its own.
  absl::Status SetState() const { return IsUntyped() ? Act(GrantVerb::kSetState) : StateIsServerOnly(); }

  // A session reads where it is a member, and a user without one where that is granted.
  absl::Status ReadAsMember(GrantVerb grant) const {
    if (caller.kind() != Caller::Kind::kClient) return Read(grant);
    Left("a member of the room");
    return absl::OkStatus();
  }
  absl::Status Read(GrantVerb grant) const {
    if (AskedByServerCode()) return InScope();
    if (caller.kind() == Caller::Kind::kClient) return ServerCodeOnly();
    return IsUntyped() ? Granted(grant) : ServerSideJoinOnly();
  }

  // What a user is shown is filtered.
  absl::Status ListRooms() const {
    if (AskedByServerCode()) return InScope();
    return caller.kind() == Caller::Kind::kUser ? absl::OkStatus() : ServerCodeOnly();
  }

 private:
  bool AskedByServerCode() const { return Tried("asked by a service or a component", !caller.is_client()); }
  bool IsUntyped() const { return Tried("the room is untyped", !typed()); }
  bool typed() const { return ValidateRoomId("roomId", room_id).ok() && registry.TypeOf(room_id) != nullptr; }

  absl::Status InScope() const {
    if (caller.service() == nullptr) return absl::OkStatus();
    absl::Status verdict = RequireScope(caller, VerbName(verb), room_id, typed());
    Tried(absl::StrCat("a scope of ", caller.service()->subject), verdict.ok());
    return verdict;
  }
  absl::Status Granted(GrantVerb grant) const {
    const ClientIdentity* const client = caller.client();
    if (client == nullptr) return absl::OkStatus();
    const bool allowed = client->Allows(grant, room_id, typed(), method);
    return Tried(absl::StrCat("a grant for ", GrantVerbName(grant)), allowed)
               ? absl::OkStatus()
               : GrantMissing(*client, grant, room_id, typed());
  }

  bool Tried(absl::string_view condition, bool holds) const {
    if (steps != nullptr) steps->push_back(absl::StrCat(condition, holds ? ": yes" : ": no"));
    return holds;
  }
  void Left(absl::string_view condition) const {
    if (steps != nullptr) steps->push_back(absl::StrCat(condition, ": for the room to say"));
  }
};

absl::Status Authorizer::Authorize(const Caller& caller, Verb verb, absl::string_view room_id, absl::string_view method,
                                   std::vector<std::string>* steps) const {
  const Inquiry inquiry{registry_, caller, verb, room_id, method, steps};
  switch (verb) {
    case Verb::kJoin: return inquiry.Join();
    case Verb::kLeave: return inquiry.Leave();
    case Verb::kEmit: return inquiry.Act(GrantVerb::kEmit);
    case Verb::kSendMessage: return inquiry.OnlyServerCode();
    case Verb::kSetState: return inquiry.SetState();
    case Verb::kGetState: return inquiry.ReadAsMember(GrantVerb::kWatch);
    case Verb::kGetHistory: return inquiry.Read(GrantVerb::kHistory);
    case Verb::kWatch: return inquiry.Read(GrantVerb::kWatch);
    case Verb::kGetRoom: return inquiry.Read(GrantVerb::kWatch);
    case Verb::kListRooms: return inquiry.ListRooms();
    case Verb::kListMembers: return inquiry.Read(GrantVerb::kMembers);
    case Verb::kCall: return inquiry.Act(GrantVerb::kCall);
    case Verb::kUpdateRoom: return inquiry.OnlyServerCode();
    case Verb::kDestroyRoom: return inquiry.OnlyServerCode();
    case Verb::kListRoomTypes: return inquiry.OnlyServerCode();
    case Verb::kGetStats: return inquiry.OnlyServerCode();
    case Verb::kConnect: return inquiry.Anybody();
    case Verb::kListSessions: return inquiry.OnlyServerCode();
    case Verb::kDisconnectSession: return inquiry.OnlyServerCode();
  }
  return absl::InternalError("no such verb");
}

absl::Status Authorizer::AuthorizeInfo(const Caller& caller) const {
  return caller.is_client() ? InvalidField("info", "is set by services only") : absl::OkStatus();
}

absl::Status Authorizer::AuthorizeMount(const Caller& caller, absl::string_view component) const {
  const ClientIdentity* const client = caller.client();
  if (client == nullptr || client->MayMount(component)) return absl::OkStatus();
  return WithMetadata(MakeError(absl::StatusCode::kPermissionDenied, "GRANT_MISSING",
                                absl::StrCat("The token does not list the component '", Excerpt(component), "'")),
                      {{"verb", "mount"}, {"component", std::string(component)}});
}

bool Authorizer::MayList(const Caller& caller, absl::string_view room_id) const {
  const ClientIdentity* const client = caller.client();
  return client == nullptr ||
         (client->Allows(GrantVerb::kWatch, room_id, /*typed=*/false) && registry_.TypeOf(room_id) == nullptr);
}

}  // namespace atrium
