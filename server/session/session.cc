#include "server/session/session.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "server/live/shards/on_shard.h"
#include "server/session/connection.h"
#include "server/session/room_frames.h"

namespace atrium {
namespace {

// A client is told so long before that its token expires.
constexpr absl::Duration kExpiresSoon = absl::Seconds(60);

bool WelcomeWaits(const std::vector<FramePtr>& unsent) {
  return std::any_of(unsent.begin(), unsent.end(),
                     [](const FramePtr& frame) { return frame->origin().kind == FrameOrigin::Kind::kWelcome; });
}

}  // namespace

Session::Session(SessionEnv& env, SessionKey key, std::string id, SessionClient who, std::string client)
    : core_(env, key, std::move(id), std::move(who)),
      gaps_(core_),
      requests_(core_, joins_, gaps_, components_),
      rate_(env.settings.rate, env.settings.RequestBurst(), env.shard.Steady()),
      joins_(core_, gaps_, *this),
      components_(core_, joins_),
      client_(std::move(client)),
      create_time_(env.shard.Now()) {}

v1::Session Session::Describe() const {
  ATRIUM_ON_SHARD(core_.env().shard);
  v1::Session session;
  session.set_id(core_.id());
  session.set_user_id(core_.user_id());
  session.set_transport(std::string(TransportName(core_.encoding())));
  session.set_client(client_);
  for (const auto& [room_id, room] : core_.seats().rooms()) {
    if (room.channel != nullptr) session.add_room_ids(room_id);
  }
  Connection* const connection = core_.connection();
  session.set_connected(connection != nullptr);
  if (connection != nullptr) session.set_queue_bytes(static_cast<int64_t>(connection->outbox().bytes()));
  *session.mutable_create_time() = ToTimestamp(create_time_);
  return session;
}

// ---- Tokens

void Session::Refresh(std::shared_ptr<const ClientIdentity> identity) {
  ATRIUM_ON_SHARD(core_.env().shard);
  core_.Refresh(std::move(identity));
  told_expiring_ = false;
  components_.UnmountUngranted();
  for (const Seats::Granted& seat : core_.seats().GrantedSeats()) {
    if (!core_.MayBeIn(seat.room_id)) joins_.Revoke(seat.room_id, seat.member_id);
  }
}

bool Session::TokenHasExpired() const {
  const ClientIdentity* const client = core_.caller().client();
  SessionEnv& env = core_.env();
  return client != nullptr && env.shard.Now() >= client->expires + env.authenticator.leeway();
}

void Session::TellOfExpiry() {
  const ClientIdentity* const client = core_.caller().client();
  if (client == nullptr || told_expiring_) return;
  if (core_.env().shard.Now() < client->expires - kExpiresSoon) return;
  told_expiring_ = true;
  v1::ServerFrame frame;
  *frame.mutable_expiring()->mutable_expire_time() = ToTimestamp(client->expires);
  core_.Send(EncodeFrame(frame, core_.encoding()));
}

// ---- Connections

void Session::Start(Connection& connection) {
  ATRIUM_ON_SHARD(core_.env().shard);
  Attach(connection, /*resumed=*/false);
}

void Session::Attach(Connection& connection, bool resumed) {
  core_.Attach(connection);
  resume_token_ = ResumeToken(core_.generation());
  connection.set_session(this);
  const SessionSettings& settings = core_.env().settings;
  v1::ServerFrame frame;
  v1::Welcome& welcome = *frame.mutable_welcome();
  welcome.set_session_id(core_.id());
  welcome.set_user_id(core_.user_id());
  *welcome.mutable_ping_interval() = ToDuration(settings.ping_interval);
  welcome.set_resume_token(resume_token_.Text(core_.id()));
  welcome.set_resumed(resumed);
  if (settings.rate > 0) {
    welcome.set_request_rate(settings.rate);
    welcome.set_request_burst(static_cast<uint32_t>(settings.RequestBurst()));
  }
  core_.Send(EncodeFrame(frame, core_.encoding(), {}, {.kind = FrameOrigin::Kind::kWelcome}));
  told_expiring_ = false;
  TellOfExpiry();
}

void Session::Resume(Connection& connection, const v1::Hello& hello) {
  ATRIUM_ON_SHARD(core_.env().shard);
  const std::unique_ptr<Absence> absence = std::move(absence_);
  // If this is not so, the client has come with the previous token again.
  if (resume_token_.Is(hello.resume_token(), core_.id())) previous_token_ = resume_token_;
  Attach(connection, /*resumed=*/true);
  gaps_.Learn(hello.known());
  TellDepartures(hello.known());
  absence->TellBack();
  components_.GoOn();
  if (core_.connection() != nullptr) gaps_.AskAll();
}

void Session::TellDepartures(const google::protobuf::RepeatedPtrField<v1::RoomPosition>& known) {
  const Seats& seats = core_.seats();
  absl::flat_hash_set<std::string> told;
  const auto tell = [&](const Departures::Departure& gone) {
    told.insert(gone.room_id);
    core_.connection()->SendMissed(MakeLeft(gone, core_.encoding()));
  };
  for (const Departures::Departure& gone : core_.departures().TakeOwed(known, seats)) {
    // Who is in again and gets no snapshot goes on there, where the history tells of both.
    if (seats.IsIn(gone.room_id, gone.component) && !gaps_.OwesSnapshots(gone.room_id)) continue;
    tell(gone);
  }
  const int max_rooms = core_.env().settings.max_rooms;
  int gone = 0;
  for (const v1::RoomPosition& room : known) {
    if (seats.ChannelOf(room.room_id()) != nullptr) continue;
    // The session cannot have been in more.
    if (max_rooms > 0 && ++gone > max_rooms) return;
    if (!told.contains(room.room_id())) tell({.room_id = room.room_id(), .member_id = core_.id()});
  }
}

void Session::Detach() {
  ATRIUM_ON_SHARD(core_.env().shard);
  Connection& connection = *core_.connection();
  core_.Detach();
  connection.set_session(nullptr);
  const std::vector<FramePtr> frames = connection.outbox().UnsentFrames();
  gaps_.OpenAll(frames);
  absence_ = std::make_unique<Absence>(core_);
  requests_.DropLate();
  if (!WelcomeWaits(frames)) previous_token_ = ResumeToken();
  for (const FramePtr& frame : frames) {
    const FrameOrigin& origin = frame->origin();
    if (origin.kind == FrameOrigin::Kind::kLeft) core_.departures().MarkUnsent(origin.room, origin.offset);
  }
  core_.env().counters.detached.Add(1);
  core_.env().log.Debug("session detached", {{"session", core_.id()}});
}

bool Session::MayResume(absl::string_view token) const {
  ATRIUM_ON_SHARD(core_.env().shard);
  if (resume_token_.Is(token, core_.id())) return true;
  if (!previous_token_.Is(token, core_.id())) return false;
  return core_.connection() == nullptr || WelcomeWaits(core_.connection()->outbox().UnsentFrames());
}

void Session::End() {
  SessionEnv& env = core_.env();
  ATRIUM_ON_SHARD(env.shard);
  absence_ = nullptr;
  for (const auto& [room_id, room] : core_.seats().rooms()) {
    if (room.channel != nullptr) room.channel->Remove(env.shard, core_.key());
    for (const Seats::Seat& seat : room.seats) {
      env.attendance.Remove(room_id, core_.seats().IdOf(seat.component), v1::LEAVE_REASON_DISCONNECT, /*tell=*/false);
    }
  }
  components_.End();
}

void Session::OnRequest(ClientRequest&& request) {
  ATRIUM_ON_SHARD(core_.env().shard);
  requests_.Take(std::move(request));
}

void Session::OnQueueWithinBound() {
  ATRIUM_ON_SHARD(core_.env().shard);
  components_.SendOwed();
}

// ---- Rooms

std::optional<MemberIdentity> Session::FindMember(absl::string_view id) const {
  ATRIUM_ON_SHARD(core_.env().shard);
  if (id == core_.id()) return core_.Identity();
  const MemberIdentity* const component = components_.FindMember(id);
  return component == nullptr ? std::nullopt : std::make_optional(*component);
}

void Session::Bring(const Caller& caller, MemberIdentity who, v1::JoinRequest request, JoinDone told) {
  joins_.Bring(caller, std::move(who), std::move(request), Joins::Chooser::kServerCode, std::move(told));
}

void Session::Send(const FramePtr& frame) {
  ATRIUM_ON_SHARD(core_.env().shard);
  if (Connection* const connection = core_.connection()) connection->Send(frame);
}

void Session::OnJoined(SessionKey component, const std::string& room_id, Channel& channel) {
  if (component != 0) components_.OnJoined(component, room_id, channel);
  if (absence_ != nullptr) absence_->OnJoined(room_id);
}

void Session::OnRemoved(const std::string& room_id, const Removal& removal) {
  ATRIUM_ON_SHARD(core_.env().shard);
  Remember(room_id, removal);
  core_.seats().Remove(room_id, removal.component);
  if (core_.seats().ChannelOf(room_id) == nullptr) gaps_.Forget(room_id);
  if (absence_ != nullptr) absence_->OnRemoved(room_id);
  if (removal.left != nullptr) core_.Send(removal.left);
  if (removal.component != 0) components_.OnRemoved(removal.component, room_id, removal.reason);
}

void Session::Remember(const std::string& room_id, const Removal& removal) {
  SessionEnv& env = core_.env();
  const Channel* const channel = core_.seats().ChannelOf(room_id);
  if (channel == nullptr) return;
  const bool away = core_.connection() == nullptr;
  if (!away) core_.departures().ForgetBefore(env.Now() - Departures::kHeardWithin);
  core_.departures().Add({.room_id = room_id,
                          .member_id = removal.member_id,
                          .component = removal.component,
                          .reason = removal.reason,
                          .room = channel->room().key,
                          .offset = channel->OffsetOf(env.shard, core_.key()),
                          // Who has asked for it itself gets an answer.
                          .unsent = away && removal.left != nullptr,
                          .time = env.Now()});
}

}  // namespace atrium
