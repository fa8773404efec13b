// What goes through a room: events, changes of its state, calls, and what those get who missed some or only watch.

#include <algorithm>
#include <iterator>
#include <utility>

#include "server/common/status_macros.h"
#include "server/live/room.h"
#include "server/live/room_errors.h"
#include "server/wire/merge.h"

namespace atrium {
namespace {

void SortUnique(Fanout::Members& members) {
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
}

}  // namespace

// ---- Events

absl::StatusOr<int> Room::Emit(Emission emission) {
  fanout_.PrefetchChannel();
  if (typed_ != nullptr) {
    RETURN_IF_ERROR(CheckEvent(emission));
    EventContext context{.event = emission.event, .data = emission.data};
    if (emission.sender != nullptr) context.sender = InfoOf(*emission.sender);
    RETURN_IF_ERROR(typed_->Event(context));
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
  if (emission.sender == nullptr || emission.trusted) return absl::OkStatus();
  const auto it = type()->events.find(std::string(emission.event));
  if (it == type()->events.end() || !it->second.from_members) return EventFromClientRefused(emission.event);
  const std::unique_ptr<google::protobuf::Message> data(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(it->second.data)->New());
  return PrefixField("data", MessageFromJson(emission.data.ToJsonValue(), *data));
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
  event.time = last_activity_time_;
  const int sessions = fanout_.SendEvent(std::move(event), options.is_volatile, audience);
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
    if (const MemberIdentity* member = FindMember(id)) members.push_back(member);
  }
  return members;
}

// ---- State and methods

absl::Status Room::CheckLimits(const StateChange& change) const {
  const size_t limit = env_.settings.max_state_bytes;
  if (limit > 0 && change.growth > 0 && state_bytes_ + change.growth > limit) return StateTooLarge();
  return change.depth > kMaxJsonDepth ? StateTooDeep() : absl::OkStatus();
}

absl::Status Room::SetState(const json::object& merge, absl::optional<uint64_t> expected_offset) {
  if (typed_ != nullptr) return StateIsServerOnly();
  if (expected_offset && patch_offset_ > *expected_offset) return StateChanged(patch_offset_);
  const StateChange change = ChangeFromMerge(state_, merge);
  RETURN_IF_ERROR(CheckLimits(change));
  if (change.patch.empty()) return absl::OkStatus();
  Merge(state_, merge);
  state_bytes_ += change.growth;
  SendPatch(change.patch);
  return absl::OkStatus();
}

absl::Status Room::CommitState(const StateChange& change) {
  RETURN_IF_ERROR(CheckLimits(change));
  if (change.patch.empty()) return absl::OkStatus();
  state_bytes_ += change.growth;
  if (options().patch_interval == absl::ZeroDuration()) {
    SendPatch(change.patch);
  } else if (patch_timer_ == 0) {
    patch_timer_ = env_.shard.After(options().patch_interval, [this] { FlushPatch(); });
  }
  return absl::OkStatus();
}

void Room::FlushPatch() {
  if (patch_timer_ == 0) return;
  env_.shard.Cancel(std::exchange(patch_timer_, 0));
  const StateChange change = typed_->FlushState();
  if (!change.patch.empty()) SendPatch(change.patch);
}

void Room::SendPatch(const Patch& patch) {
  Touch();
  state_payload_ = {};
  Delivered(fanout_.SendPatch(patch, last_activity_time_));
  patch_offset_ = fanout_.offset();
}

void Room::Call(absl::string_view method, const json::value& args, const MemberIdentity* member,
                TypedRoom::CallDone done, bool trusted) {
  if (typed_ == nullptr) return done(UntypedHasNoMethods());
  const auto it = type()->methods.find(std::string(method));
  if (it == type()->methods.end()) return done(NoSuchMethod(type()->name, method));
  const bool from_client = member != nullptr && !trusted;
  if (from_client && it->second.access != Access::kMember) return done(MethodIsServiceOnly(method));
  CallContext call{.time = env_.shard.Now(), .from_client = from_client};
  if (member != nullptr) call.member = InfoOf(*member);
  typed_->Call(it->first, it->second, args, std::move(call), std::move(done));
}

// ---- Coming back, and watching

bool Room::Covers(const v1::Position& since) {
  return since.epoch() == epoch() && since.offset() <= fanout_.offset() &&
         fanout_.history().Covers(since.offset(), env_.shard.Now());
}

Admission Room::Recover(const std::string& member_id, Encoding encoding, const absl::optional<v1::Position>& since,
                        const History::Wanted& wanted) {
  const bool recovered = since && Covers(*since);
  if (since) (recovered ? env_.counters.recovered : env_.counters.not_recovered).Add(1);
  if (!recovered) return MakeAdmission(member_id);
  Admission admission{.missed = fanout_.history().After(since->offset(), encoding, wanted),
                      .channel = fanout_.channel()};
  *admission.response.mutable_room() = Describe();
  admission.response.set_member_id(member_id);
  *admission.response.mutable_position() = *since;
  admission.response.set_recovered(true);
  return admission;
}

absl::StatusOr<Admission> Room::CatchUp(const std::vector<std::string>& members, Encoding encoding,
                                        const absl::optional<v1::Position>& since) {
  const MemberIdentity* one = nullptr;
  if (!company_.made()) return MemberNotFound(members.front());
  Company& company = company_.Get();
  for (const std::string& id : members) {
    const auto it = company.members.find(id);
    if (it == company.members.end()) continue;
    it->second.identity.encoding = encoding;
    if (one == nullptr) one = &it->second.identity;
  }
  if (one == nullptr) return MemberNotFound(members.front());
  fanout_.Recode(*one);
  return Recover(one->id, encoding, since,
                 [key = one->session](const Audience& audience) { return audience.Includes(key); });
}

void Room::SetConnected(const std::vector<std::string>& members, bool connected) {
  if (!company_.made()) return;
  Company& company = company_.Get();
  for (const std::string& id : members) {
    const auto it = company.members.find(id);
    if (it == company.members.end() || it->second.connected == connected) continue;
    it->second.connected = connected;
    company.presence.Changed(it->second);
  }
  TellPresence();
}

Admission Room::Watch(const ObserverIdentity& observer, const absl::optional<v1::Position>& since) {
  company_.Get().observers.emplace(observer.key, observer);
  fanout_.AddObserver(observer);
  return Recover("", observer.encoding, since, [](const Audience& audience) { return audience.is_public(); });
}

void Room::Unwatch(SessionKey observer) {
  if (!company_.made()) return;
  const auto watching = company_.Get().observers.extract(observer);
  if (watching) fanout_.RemoveObserver(watching.mapped());
  ForgetCompany();
}

absl::StatusOr<std::vector<FramePtr>> Room::GetHistory(const absl::optional<v1::Position>& since, size_t most) {
  if (since && !Covers(*since)) return HistoryLost();
  return fanout_.history().After(
      since ? since->offset() : 0, absl::nullopt, [](const Audience& audience) { return audience.is_public(); }, most);
}

}  // namespace atrium
