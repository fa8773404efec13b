#include "client-sdk/cli/verify/client.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client-sdk/cli/format.h"
#include "client-sdk/cli/json.h"

namespace atrium::verify {
namespace {

constexpr absl::Duration kReplyPatience = absl::Seconds(15);
constexpr absl::Duration kPause = absl::Milliseconds(20);

Position FromProto(const v1::Position& position) { return {position.epoch(), position.offset()}; }

v1::Position ToProto(const Position& position) {
  v1::Position proto;
  proto.set_epoch(position.epoch);
  proto.set_offset(position.offset);
  return proto;
}

// Returns the room that a request is about.
const std::string& RoomOf(const v1::ClientFrame& frame) {
  if (frame.has_join()) return frame.join().room_id();
  if (frame.has_leave()) return frame.leave().room_id();
  if (frame.has_emit()) return frame.emit().room_id();
  if (frame.has_set_state()) return frame.set_state().room_id();
  return frame.has_call() ? frame.call().room_id() : frame.get_state().room_id();
}

}  // namespace

bool InDoubt(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kDataLoss: return true;
    default: return false;
  }
}

Client::Client(cli::Rpc& rpc, Recorder& recorder, const Settings& settings, std::string name)
    : rpc_(rpc), recorder_(recorder), settings_(settings), name_(std::move(name)), number_(recorder.AddClient(name_)) {}

std::string Client::id() const {
  const absl::MutexLock lock(&mutex_);
  return id_;
}

int Client::connections() const {
  const absl::MutexLock lock(&mutex_);
  return connections_;
}

bool Client::in(const std::string& room) const {
  const absl::MutexLock lock(&mutex_);
  return Sits(room);
}

bool Client::Sits(const std::string& room) const {
  const auto seat = seats_.find(room);
  return seat != seats_.end() && seat->second.in;
}

uint64_t Client::patch_offset(const std::string& room) const {
  const absl::MutexLock lock(&mutex_);
  const auto seat = seats_.find(room);
  return seat == seats_.end() ? 0 : seat->second.patch_offset;
}

// ---- Connections

bool Client::Connect() {
  {
    const absl::MutexLock lock(&mutex_);
    if (state_ == State::kConnected) return true;
  }
  const absl::Time deadline = absl::Now() + settings_.patience();
  while (absl::Now() < deadline && recorder_.failure().empty()) {
    if (OpenConnection() && Rejoin()) return true;
    absl::SleepFor(kPause);
  }
  const absl::MutexLock lock(&mutex_);
  recorder_.Fail(absl::StrCat("the server was away for more than ", absl::FormatDuration(settings_.patience()), ": ",
                              end_.message()));
  return false;
}

bool Client::OpenConnection() {
  v1::Hello hello;
  hello.set_token(rpc_.credentials().has_token() ? rpc_.credentials().Token() : name_);
  hello.set_client("atrium verify");
  session_.reset();  // and with it the thread of the last one
  {
    const absl::MutexLock lock(&mutex_);
    state_ = State::kConnecting;
    pending_.clear();
    replies_.clear();
    if (settings_.resume) hello.set_resume_token(resume_token_);
    for (const auto& [room, seat] : seats_) {
      if (hello.resume_token().empty() || !seat.in) continue;
      v1::RoomPosition& known = *hello.add_known();
      known.set_room_id(room);
      *known.mutable_position() = ToProto(seat.position);
    }
  }
  session_ = std::make_unique<cli::Session>(
      rpc_, hello, [this](const v1::ServerFrame& frame) { OnFrame(frame); },
      [this](const absl::Status& status) { OnEnd(status); });
  const absl::MutexLock lock(&mutex_);
  const auto decided = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return state_ != State::kConnecting; };
  mutex_.AwaitWithTimeout(absl::Condition(&decided), kReplyPatience);
  return state_ == State::kConnected;
}

bool Client::Rejoin() {
  std::vector<std::pair<std::string, Seat>> lost;
  {
    const absl::MutexLock lock(&mutex_);
    for (const auto& [room, seat] : seats_) {
      if (!seat.in) lost.emplace_back(room, seat);
    }
  }
  for (const auto& [room, seat] : lost) {
    const absl::Status joined = JoinAt(room, seat.typed, seat.position);
    if (joined.ok()) continue;
    if (InDoubt(joined)) return false;
    const absl::MutexLock lock(&mutex_);
    seats_.erase(room);
  }
  return true;
}

void Client::Ending() {
  const absl::MutexLock lock(&mutex_);
  if (state_ != State::kConnected) return;
  state_ = State::kEnding;
  // This is recorded first of all, because from here on others may have its seats.
  recorder_.Add(number_, LostConnection());
}

void Client::WaitForEnd() {
  const absl::MutexLock lock(&mutex_);
  const auto ended = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return state_ != State::kEnding; };
  mutex_.AwaitWithTimeout(absl::Condition(&ended), kReplyPatience);
}

void Client::Drop() {
  Ending();
  if (session_ != nullptr) session_->Drop();
  WaitForEnd();
}

void Client::End() {
  Ending();
  if (session_ != nullptr) session_->Leave();
  WaitForEnd();
  const absl::MutexLock lock(&mutex_);
  resume_token_.clear();
}

// ---- Requests

uint32_t Client::Send(v1::ClientFrame frame) {
  {
    const absl::MutexLock lock(&mutex_);
    frame.set_id(++last_id_);
    pending_.emplace(frame.id(), RoomOf(frame));
  }
  if (session_ != nullptr) session_->Send(frame);
  return frame.id();
}

absl::StatusOr<v1::Reply> Client::Wait(uint32_t id) {
  const absl::MutexLock lock(&mutex_);
  const auto over = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return replies_.count(id) > 0 || state_ != State::kConnected;
  };
  const bool came = mutex_.AwaitWithTimeout(absl::Condition(&over), kReplyPatience);
  const auto reply = replies_.extract(id);
  if (!reply) return absl::UnavailableError(came ? "the connection was lost" : "no reply in time");
  const v1::Reply& answer = reply.mapped();
  if (!answer.has_error()) return answer;
  return absl::Status(static_cast<absl::StatusCode>(answer.error().code()), answer.error().message());
}

absl::Status Client::Join(const std::string& room, bool typed) {
  if (in(room)) return absl::OkStatus();
  return JoinAt(room, typed, {});
}

absl::Status Client::JoinAt(const std::string& room, bool typed, const Position& since) {
  v1::JoinRequest request;
  request.set_room_id(room);
  if (!since.epoch.empty()) *request.mutable_since() = ToProto(since);
  {
    const absl::MutexLock lock(&mutex_);
    Seat& seat = seats_[room];
    seat.typed = typed;
    seat.position = since;
  }
  const int call = recorder_.NewCall();
  recorder_.Add(number_, Asked{call, {.kind = Call::Kind::kJoin, .room = room, .member_id = id()}});
  absl::Status status = AskToJoin(request, typed);
  recorder_.Add(number_, Answered{.call = call, .status = status, .in_doubt = InDoubt(status)});
  if (!status.ok() && !InDoubt(status)) {
    const absl::MutexLock lock(&mutex_);
    seats_.erase(room);
  }
  return status;
}

absl::Status Client::AskToJoin(const v1::JoinRequest& request, bool typed) {
  if (!typed) {
    v1::ClientFrame frame;
    *frame.mutable_join() = request;
    return Wait(Send(std::move(frame))).status();
  }
  v1::JoinRequest by_service = request;
  by_service.set_member_id(id());
  const auto joined = rpc_.Ask(&v1::RoomService::Stub::Join, by_service);
  if (!joined.ok()) {
    // A session that has just ended is not known any more.
    return absl::IsNotFound(joined.status()) ? absl::UnavailableError(joined.status().message()) : joined.status();
  }
  const absl::MutexLock lock(&mutex_);
  const auto over = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return state_ != State::kConnected || Sits(request.room_id());
  };
  const bool came = mutex_.AwaitWithTimeout(absl::Condition(&over), kReplyPatience);
  if (!came) recorder_.Fail(absl::StrCat(name_, " was brought into ", request.room_id(), " and got no snapshot"));
  return state_ == State::kConnected && came ? absl::OkStatus() : absl::UnavailableError("the connection was lost");
}

absl::Status Client::Leave(const std::string& room) {
  v1::ClientFrame frame;
  frame.mutable_leave()->set_room_id(room);
  const int call = recorder_.NewCall();
  recorder_.Add(number_, Asked{call, {.kind = Call::Kind::kLeave, .room = room, .member_id = id()}});
  absl::Status status = Wait(Send(std::move(frame))).status();
  recorder_.Add(number_, Answered{.call = call, .status = status, .in_doubt = InDoubt(status)});
  return status;
}

// ---- What comes

void Client::OnFrame(const v1::ServerFrame& frame) {
  switch (frame.frame_case()) {
    case v1::ServerFrame::kWelcome: return OnWelcome(frame.welcome());
    case v1::ServerFrame::kReply: return OnReply(frame.reply());
    case v1::ServerFrame::kSnapshot: {
      const v1::Snapshot& snapshot = frame.snapshot();
      return OnEntered(snapshot.room(), snapshot.member_id(), snapshot.position(), snapshot.recovered(),
                       snapshot.state());
    }
    case v1::ServerFrame::kLeft: {
      recorder_.Add(number_, Exited{frame.left().room_id()});
      const absl::MutexLock lock(&mutex_);
      seats_.erase(frame.left().room_id());
      return;
    }
    case v1::ServerFrame::kEvent:
    case v1::ServerFrame::kPatch:
    case v1::ServerFrame::kMember: break;
    default: return;
  }
  recorder_.AddFrame(number_, frame);
  const absl::MutexLock lock(&mutex_);
  const auto seat = seats_.find(cli::RoomOf(frame));
  if (seat == seats_.end() || cli::OffsetOf(frame) == 0) return;
  seat->second.position.offset = cli::OffsetOf(frame);
  if (frame.has_patch()) seat->second.patch_offset = cli::OffsetOf(frame);
}

void Client::OnEnd(const absl::Status& status) {
  const absl::MutexLock lock(&mutex_);
  // One that was not let in is not let in later either.
  if (state_ == State::kConnecting && absl::IsUnauthenticated(status)) recorder_.Fail(std::string(status.message()));
  if (state_ == State::kConnected) recorder_.Add(number_, LostConnection());
  state_ = State::kLost;
  end_ = status;
}

void Client::OnWelcome(const v1::Welcome& welcome) {
  const absl::MutexLock lock(&mutex_);
  if (connections_ > 0) recorder_.Add(number_, Reconnected{welcome.resumed()});
  ++connections_;
  id_ = welcome.session_id();
  resume_token_ = welcome.resume_token();
  if (!welcome.resumed()) {
    for (auto& [room, seat] : seats_) seat.in = false;
  }
  state_ = State::kConnected;
}

void Client::OnReply(const v1::Reply& reply) {
  std::string room;
  {
    const absl::MutexLock lock(&mutex_);
    const auto pending = pending_.extract(reply.id());
    if (!pending) return;
    room = pending.mapped();
  }
  if (reply.has_join()) {
    const v1::JoinResponse& join = reply.join();
    OnEntered(join.room(), join.member_id(), join.position(), join.recovered(), join.state());
  } else if (reply.has_leave()) {
    recorder_.Add(number_, Exited{room});
    const absl::MutexLock lock(&mutex_);
    seats_.erase(room);
  } else if (reply.has_get_state()) {
    OnKnows(room, reply.get_state().position(), &reply.get_state().state());
  } else if (reply.has_set_state()) {
    OnKnows(room, reply.set_state().position(), nullptr);
  } else if (reply.has_emit() && reply.emit().has_position()) {
    OnKnows(room, reply.emit().position(), nullptr);
  }
  const absl::MutexLock lock(&mutex_);
  replies_[reply.id()] = reply;
}

void Client::OnEntered(const v1::Room& room, const std::string& member_id, const v1::Position& position, bool recovered,
                       const google::protobuf::Value& state) {
  Entered entered{.room = room.id(),
                  .position = FromProto(position),
                  .member_id = member_id,
                  .recovered = recovered,
                  .members = room.member_count(),
                  .max_members = room.max_members()};
  if (recovered) {
    entered.public_until = room.position().offset();
  } else {
    entered.state = cli::FromProto(state);
  }
  const absl::MutexLock lock(&mutex_);
  Seat& seat = seats_[room.id()];
  entered.since = seat.position;
  seat.in = true;
  seat.position = entered.position;
  if (!recovered) seat.patch_offset = position.offset();
  recorder_.Add(number_, std::move(entered));
}

void Client::OnKnows(const std::string& room, const v1::Position& position, const google::protobuf::Value* state) {
  Knows knows{.room = room, .position = FromProto(position)};
  if (state != nullptr) knows.state = cli::FromProto(*state);
  recorder_.Add(number_, std::move(knows));
}

}  // namespace atrium::verify
