// What goes through a room: events, changes of its state and calls.

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "server/common/status_macros.h"
#include "server/live/rooms/room.h"
#include "server/live/rooms/room_errors.h"

namespace atrium {
namespace {

void SortUnique(Fanout::Members& members) {
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
}

}  // namespace

// ---- Events

absl::StatusOr<int> Room::Emit(Emission emission) {
  ATRIUM_ON_SHARD(env_.shard);
  if (typed_ != nullptr) {
    RETURN_IF_ERROR(CheckEvent(emission));
    if (type()->hooks.on_event) {
      EventContext context{.event = emission.event, .data = emission.data};
      if (emission.sender != nullptr) context.sender = InfoOf(*emission.sender);
      RETURN_IF_ERROR(typed_->Event(context));
    }
  }
  const Audience audience = AudienceOf(emission.sender, emission.include_self, emission.options);
  Event event{.event = emission.event, .data = std::move(emission.data)};
  if (emission.sender != nullptr) {
    event.sender_id = emission.sender->id;
    event.sender_user_id = emission.sender->user_id;
  }
  return Send(std::move(event), emission.options, audience);
}

absl::Status Room::CheckEvent(const Emission& emission) const {
  if (!emission.from_client) return absl::OkStatus();
  const auto it = type()->events.find(std::string(emission.event));
  if (it == type()->events.end() || !it->second.from_members) return EventFromClientRefused(emission.event);
  if (it->second.data == nullptr) return absl::OkStatus();
  const std::unique_ptr<google::protobuf::Message> data(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(it->second.data)->New());
  return PrefixField("data", MessageFromJson(emission.data.ToJsonValue(), *data));
}

void Room::EmitLater(Emission emission, EmitDone done) {
  ATRIUM_ON_SHARD(env_.shard);
  if (absl::Status refusal = CheckEvent(emission); !refusal.ok()) return done(std::move(refusal));
  const auto event = std::make_shared<PendingEvent>(std::move(emission), std::move(done));
  if (!event->context.sender) return DecideOn(event);
  const absl::StatusOr<bool> first = roster_.events().Add(event);
  if (!first.ok()) return event->done(first.status());
  if (*first) DecideOn(event);
}

void Room::DecideOn(const PendingEventPtr& event) {
  if (type()->hooks.on_event) {
    if (absl::Status verdict = typed_->Event(event->context); !verdict.ok()) return Settle(*event, std::move(verdict));
  }
  typed_->EventAsync(event, [this, event](absl::Status verdict) { Settle(*event, std::move(verdict)); });
}

void Room::Settle(PendingEvent& event, absl::Status verdict) {
  const MemberIdentity* const sender = event.context.sender ? roster_.Find(event.context.sender->id) : nullptr;
  if (verdict.ok() && cleared_) verdict = RoomNotFound(id());
  if (verdict.ok()) {
    Event delivered{.event = event.event, .data = event.data};
    if (sender != nullptr) {
      delivered.sender_id = sender->id;
      delivered.sender_user_id = sender->user_id;
    }
    event.done(Send(std::move(delivered), event.options, AudienceOf(sender, event.include_self, event.options)));
  } else {
    event.done(std::move(verdict));
  }
  if (!event.context.sender) return;
  const PendingEventPtr next = roster_.events().Next(event.context.sender->id);
  if (next != nullptr) DecideOn(next);
}

int Room::EmitStaged(const StagedEvent& event) {
  const std::string* const binary = event.binary ? &*event.binary : nullptr;
  return Send({.event = event.event, .data = event.data, .binary = binary}, event.options,
              AudienceOf(nullptr, /*include_self=*/false, event.options));
}

int Room::Send(Event event, const EmitOptions& options, const Audience& audience) {
  if (!options.is_volatile) FlushPatch();
  Touch();
  env_.counters.events.Add(1);
  event.time = last_activity_.wall;
  const int sessions = fanout_.SendEvent(std::move(event), options.is_volatile, audience, last_activity_.steady);
  Delivered(sessions);
  return sessions;
}

Audience Room::AudienceOf(const MemberIdentity* sender, bool include_self, const EmitOptions& options) const {
  Fanout::Members excluded = FindMembers(options.exclude);
  if (sender != nullptr && !include_self) excluded.push_back(sender);
  SortUnique(excluded);
  if (options.to.empty()) return fanout_.AllBut(excluded);
  Fanout::Members named = FindMembers(options.to);
  SortUnique(named);
  Fanout::Members only;
  std::set_difference(named.begin(), named.end(), excluded.begin(), excluded.end(), std::back_inserter(only));
  return fanout_.Only(only);
}

Fanout::Members Room::FindMembers(const std::vector<std::string>& ids) const {
  Fanout::Members members;
  for (const std::string& id : ids) {
    if (const MemberIdentity* member = roster_.Find(id)) members.push_back(member);
  }
  return members;
}

// ---- State and methods

absl::Status Room::SetState(const json::object& merge, std::optional<uint64_t> expected_offset) {
  ATRIUM_ON_SHARD(env_.shard);
  if (typed_ != nullptr) return StateIsServerOnly();
  if (expected_offset) RETURN_IF_ERROR(state_.CheckExpected(*expected_offset, epoch(), fanout_.offset()));
  ASSIGN_OR_RETURN(StateChange change, state_.Merge(merge, env_.settings.max_state_bytes));
  if (!change.patch.empty()) SendPatch(std::move(change));
  return absl::OkStatus();
}

absl::Status Room::CommitState(const StateChange& change) {
  RETURN_IF_ERROR(state_.Count(change, env_.settings.max_state_bytes));
  if (change.patch.empty()) return absl::OkStatus();
  if (options().patch_interval == absl::ZeroDuration()) {
    SendPatch(change);
  } else {
    state_.Fold(env_.shard, options().patch_interval, [this] { FlushPatch(); });
  }
  return absl::OkStatus();
}

void Room::SendFolded() {
  StateChange change = state_.TakeFolded(env_.shard);
  if (!change.patch.empty()) SendPatch(std::move(change));
}

void Room::SendPatch(StateChange change) {
  Touch();
  state_.Publish(change);
  Delivered(fanout_.SendPatch(change.patch, last_activity_));
  state_.set_patch_offset(fanout_.offset());
}

void Room::Call(absl::string_view method, const json::value& args, const MemberIdentity* member, bool from_client,
                TypedRoom::CallDone done) {
  ATRIUM_ON_SHARD(env_.shard);
  if (typed_ == nullptr) return done(UntypedHasNoMethods(id()));
  const auto it = type()->methods.find(std::string(method));
  if (it == type()->methods.end()) return done(NoSuchMethod(type()->name, method));
  if (from_client && it->second.access != Access::kMember) return done(MethodIsServiceOnly(method));
  CallContext call{.time = env_.shard.Now(), .from_client = from_client};
  if (member != nullptr) call.member = InfoOf(*member);
  typed_->Call(it->first, it->second, args, std::move(call), std::move(done));
}

}  // namespace atrium
