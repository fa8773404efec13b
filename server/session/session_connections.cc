// Session: how it comes to a connection, loses it and comes to the next.
#include <algorithm>
#include <utility>

#include "server/session/connection.h"
#include "server/session/session.h"
#include "server/session/session_hub.h"

namespace atrium {
namespace {

bool WelcomeWaits(const std::vector<FramePtr>& unsent) {
  return std::any_of(unsent.begin(), unsent.end(),
                     [](const FramePtr& frame) { return frame->origin().kind == FrameOrigin::Kind::kWelcome; });
}

}  // namespace

void Session::Attach(Connection& connection, bool resumed) {
  connection_ = &connection;
  encoding_ = connection.encoding();
  address_ = connection.address();
  resume_token_ = ResumeToken(++generation_);
  connection.set_session(this);
  v1::ServerFrame frame;
  v1::Welcome& welcome = *frame.mutable_welcome();
  welcome.set_session_id(id());
  welcome.set_user_id(user_id());
  *welcome.mutable_ping_interval() = ToDuration(hub_.settings().ping_interval);
  welcome.set_resume_token(resume_token_.Text(id()));
  welcome.set_resumed(resumed);
  Send(EncodeFrame(frame, encoding_, {}, {.kind = FrameOrigin::Kind::kWelcome}));
}

void Session::Begin(Connection& connection) { Attach(connection, /*resumed=*/false); }

void Session::Resume(Connection& connection, const v1::Hello& hello) {
  const std::unique_ptr<Absence> absence = std::move(absence_);
  // Else it has come with the previous one again.
  if (resume_token_.Is(hello.resume_token(), id())) previous_token_ = resume_token_;
  Attach(connection, /*resumed=*/true);
  for (const FramePtr& left : absence->lefts()) connection.SendMissed(left);
  TellGone(hello.known());
  if (absence->told()) TellConnected(true);
  if (components_ != nullptr) components_->GoOn();
  if (connection_ != nullptr) gaps_.AskAll(hello.known());
}

void Session::TellGone(const google::protobuf::RepeatedPtrField<v1::RoomPosition>& known) {
  std::vector<std::string> members = {id()};
  if (components_ != nullptr) components_->AppendIds(members);
  for (const v1::RoomPosition& room : known) {
    const Seats::InRoom* const in = seats_.Find(room.room_id());
    if (in != nullptr && in->channel != nullptr) continue;
    for (const std::string& member : members) TellLeft(room.room_id(), member);
  }
}

void Session::TellLeft(const std::string& room_id, const std::string& member_id) {
  v1::ServerFrame frame;
  frame.mutable_left()->set_room_id(room_id);
  frame.mutable_left()->set_member_id(member_id);
  frame.mutable_left()->set_reason(v1::LEAVE_REASON_LEAVE);
  FramePtr left = EncodeFrame(frame, encoding_, {}, {.kind = FrameOrigin::Kind::kLeft});
  if (absence_ != nullptr) {
    absence_->Keep(std::move(left));
  } else {
    Send(left);
  }
}

void Session::Detach(const FramePtr& unsent) {
  Connection& connection = *std::exchange(connection_, nullptr);
  connection.set_session(nullptr);
  std::vector<FramePtr> frames = connection.outbox().UnsentFrames();
  if (unsent != nullptr) frames.push_back(unsent);
  gaps_.OpenAll(frames);
  absence_ = std::make_unique<Absence>(*this);
  if (!WelcomeWaits(frames)) previous_token_ = ResumeToken();
  for (FramePtr& frame : frames) {
    if (frame->origin().kind == FrameOrigin::Kind::kLeft) absence_->Keep(std::move(frame));
  }
  hub_.OnDetached(*this);
}

bool Session::MayResume(absl::string_view token) const {
  if (resume_token_.Is(token, id())) return true;
  if (!previous_token_.Is(token, id())) return false;
  return connection_ == nullptr || WelcomeWaits(connection_->outbox().UnsentFrames());
}

void Session::TellConnected(bool connected) {
  for (const auto& [room_id, room] : seats_.rooms()) {
    if (room.channel != nullptr) hub_.api().SetConnected(room_id, MembersIn(room_id), connected);
  }
}

}  // namespace atrium
