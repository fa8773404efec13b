#include "tests/support/room_world.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/error_info.pb.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/session/connection.h"

namespace atrium::testing {
namespace {

google::protobuf::Value ValueOf(const std::string& text) { return ToProtoValue(*ParseJson(text)); }

v1::JoinRequest JoinRequestOf(const std::string& room, const JoinOptions& options) {
  v1::JoinRequest request;
  request.set_room_id(room);
  if (!options.payload.empty()) *request.mutable_payload() = ValueOf(options.payload);
  if (!options.initial_state.empty()) *request.mutable_initial_state() = ValueOf(options.initial_state);
  if (options.since) *request.mutable_since() = *options.since;
  if (!options.info.empty()) *request.mutable_info() = ValueOf(options.info).struct_value();
  return request;
}

v1::EmitRequest EmitRequestOf(const std::string& room, const std::string& event, const EmitOptions& options) {
  v1::EmitRequest request;
  request.set_room_id(room);
  request.set_event(event);
  request.mutable_exclude()->Add(options.exclude.begin(), options.exclude.end());
  request.mutable_to()->Add(options.to.begin(), options.to.end());
  request.set_volatile_(options.is_volatile);
  return request;
}

// What the server made of it when it answered.
absl::Status ErrorOf(const google::rpc::Status& error) {
  const auto code = static_cast<absl::StatusCode>(error.code());
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest bad;
  for (const auto& detail : error.details()) {
    if (!detail.UnpackTo(&info)) detail.UnpackTo(&bad);
  }
  if (bad.field_violations_size() > 0) {
    return InvalidFieldWithText(bad.field_violations(0).field(), info.reason(), error.message());
  }
  if (info.reason() == absl::StatusCodeToString(code)) return absl::Status(code, error.message());
  return MakeError(code, info.reason(), error.message());
}

std::string Word(const v1::ServerFrame& frame) {
  if (frame.has_event()) return absl::StrCat(frame.event().event(), "@", frame.event().offset());
  if (frame.has_patch()) return absl::StrCat("patch@", frame.patch().offset());
  if (frame.has_left()) return "left";
  if (frame.has_snapshot()) return absl::StrCat("snapshot@", frame.snapshot().position().offset());
  if (frame.has_goodbye()) return "goodbye";
  std::string word;
  for (const v1::Member& member : frame.member().joined()) absl::StrAppend(&word, "+", member.user_id());
  for (const v1::Departure& gone : frame.member().left()) absl::StrAppend(&word, "-", gone.member().user_id());
  return absl::StrCat(word, "@", frame.member().offset());
}

}  // namespace

json::value Answer::State() const { return reply.has_join() ? *FromProtoValue(reply.join().state()) : json::value(); }
json::value Answer::Result() const { return reply.has_call() ? *FromProtoValue(reply.call().result()) : json::value(); }

// ---- Clients

// Everything that is written to it arrives at once.
class Client::FakeConnection final : public Connection {
 public:
  FakeConnection(SessionHub& hub, Client& client, const std::string& address)
      : Connection(hub, Encoding::kGrpc, address), client_(&client) {}

  void Request(v1::ClientFrame frame) {
    if (CountMessage(frame.ByteSizeLong())) OnRequest(DecodeFrame(std::move(frame)));
  }
  // The client goes, or loses it.
  void Break(bool goodbye) {
    client_ = nullptr;
    goodbye_ = goodbye;
    broken_ = true;
    if (!moving()) Go();
  }
  void Forget() { client_ = nullptr; }

 private:
  void Write() override {
    while (!outbox_.empty() && !broken_) {
      const absl::string_view bytes = outbox_.Unsent(0);
      v1::ServerFrames parsed;
      parsed.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
      Sent(bytes.size());
      if (client_ != nullptr) client_->Receive(std::move(*parsed.mutable_frames(0)));
    }
  }
  void FinishClose(CloseCode, absl::string_view) override {
    hub().shard().Post([self = shared_from_this(), this] {
      Write();
      if (client_ != nullptr) std::exchange(client_, nullptr)->connection_ = nullptr;
      Closed();
    });
  }
  void Abort() override {}
  bool Ping() override { return false; }
  void Depart() override {}
  void Arrive() override {
    if (broken_) hub().shard().Post([self = shared_from_this(), this] { Go(); });
  }
  void Go() {
    if (goodbye_) PeerLeft(/*said_goodbye=*/true);
    Closed();
  }

  Client* client_;
  bool broken_ = false;
  bool goodbye_ = false;
};

Client::Client(RoomWorld& world, std::string name, const std::string& address, int shard)
    : world_(world),
      name_(std::move(name)),
      shard_(shard),
      connection_(std::make_shared<FakeConnection>(world.hub(shard), *this, address)) {
  world_.hub(shard).Add(connection_);
  v1::ClientFrame hello;
  hello.mutable_hello()->set_token(name_);
  Begin(std::move(hello));
}

Client::~Client() {
  if (connection_ != nullptr) connection_->Forget();
}

AnswerPtr Client::Begin(v1::ClientFrame frame) {
  answers_.push_back(std::make_shared<Answer>());
  AnswerPtr answer = answers_.back();
  frame.set_id(static_cast<uint32_t>(answers_.size()));
  sent_.push_back(frame);
  if (connected()) {
    world_.shards().RunOn(connection_->hub().shard().index(), [&] { connection_->Request(std::move(frame)); });
  }
  return answer;
}

AnswerPtr Client::Ask(v1::ClientFrame frame) {
  AnswerPtr answer = Begin(std::move(frame));
  world_.Run();
  return answer;
}

AnswerPtr Client::BeginJoin(const std::string& room, const JoinOptions& options) {
  if (world_.registry().TypeOf(room) != nullptr) return world_.BeginJoin(room, id_, options);
  v1::ClientFrame frame;
  *frame.mutable_join() = JoinRequestOf(room, options);
  return Begin(std::move(frame));
}

AnswerPtr Client::Join(const std::string& room, const JoinOptions& options) {
  AnswerPtr answer = BeginJoin(room, options);
  world_.Run();
  return answer;
}

AnswerPtr Client::Leave(const std::string& room) {
  v1::ClientFrame frame;
  frame.mutable_leave()->set_room_id(room);
  return Ask(std::move(frame));
}

AnswerPtr Client::Emit(const std::string& room, const std::string& event, const std::string& data,
                       const EmitOptions& options, bool include_self) {
  v1::ClientFrame frame;
  *frame.mutable_emit() = EmitRequestOf(room, event, options);
  frame.mutable_emit()->set_include_self(include_self);
  if (!data.empty()) *frame.mutable_emit()->mutable_data() = ValueOf(data);
  return Ask(std::move(frame));
}

AnswerPtr Client::SetState(const std::string& room, const std::string& merge) {
  v1::ClientFrame frame;
  frame.mutable_set_state()->set_room_id(room);
  *frame.mutable_set_state()->mutable_state() = ValueOf(merge);
  return Ask(std::move(frame));
}

AnswerPtr Client::Call(const std::string& room, const std::string& method, const std::string& args) {
  v1::ClientFrame frame;
  frame.mutable_call()->set_room_id(room);
  frame.mutable_call()->set_method(method);
  *frame.mutable_call()->mutable_args() = ValueOf(args);
  return Ask(std::move(frame));
}

void Client::BeginDisconnect() {
  if (!connected()) return;
  const std::shared_ptr<FakeConnection> connection = std::move(connection_);
  world_.shards().RunOn(connection->hub().shard().index(), [&] { connection->Break(/*goodbye=*/true); });
}

void Client::BeginLose() {
  const std::shared_ptr<FakeConnection> connection = std::move(connection_);
  lost_ = true;
  world_.shards().RunOn(connection->hub().shard().index(), [&] { connection->Break(/*goodbye=*/false); });
}

void Client::BeginResume(int shard, const std::vector<v1::RoomPosition>& known) {
  lost_ = false;
  lost_requests_ = sent_.size();
  connection_ = std::make_shared<FakeConnection>(world_.hub(shard), *this, "");
  world_.hub(shard).Add(connection_);
  v1::ClientFrame frame;
  frame.mutable_hello()->set_resume_token(resume_token_);
  for (const v1::RoomPosition& room : known) *frame.mutable_hello()->add_known() = room;
  Begin(std::move(frame));
}

void Client::Disconnect() {
  BeginDisconnect();
  world_.Run();
}

std::vector<std::string> Client::Events() {
  std::vector<std::string> words;
  for (const v1::ServerFrame& frame : Frames()) words.push_back(Word(frame));
  return words;
}

void Client::Receive(v1::ServerFrame frame) {
  if (frame.has_welcome() && !id_.empty() && frame.welcome().session_id() != id_) {
    if (on_too_late) on_too_late();
    const auto connection = std::move(connection_);
    connection->Forget();
    connection->hub().shard().Post([connection] { connection->Break(/*goodbye=*/true); });
    return;
  }
  if (on_frame) on_frame(frame);
  if (frame.has_welcome()) {
    id_ = frame.welcome().session_id();
    resume_token_ = frame.welcome().resume_token();
  } else if (frame.has_reply()) {
    Answer& answer = *answers_[frame.reply().id() - 1];
    ++answer.times;
    answer.reply = std::move(*frame.mutable_reply());
    answer.status = answer.reply.has_error() ? ErrorOf(answer.reply.error()) : absl::OkStatus();
  } else {
    frames_.push_back(std::move(frame));
  }
}

// ---- The world

RoomWorld::RoomWorld(RoomRegistry registry, Settings settings)
    : registry_(std::move(registry)),
      shards_(settings.shards),
      manager_(registry_, settings.rooms, shards_.All(), workers_, log_, settings.room_log) {
  manager_.Start([](const absl::Status& status) { ASSERT_TRUE(status.ok()) << status; });
  for (Shard* shard : shards_.All()) {
    hubs_.push_back(std::make_unique<SessionHub>(*shard, manager_.site(shard->index()), settings.sessions,
                                                 authenticator_, api_, attendance_, log_, hubs_));
  }
}

RoomWorld::~RoomWorld() = default;

void RoomWorld::StartHubs() {
  for (const auto& hub : hubs_) hub->Start();
}

void RoomWorld::With(const std::string& room, absl::AnyInvocable<void(Room*)> use) {
  manager_.Find(room, [use = std::move(use)](absl::StatusOr<Room*> found) mutable {
    EXPECT_TRUE(found.ok()) << found.status();
    use(found.ok() ? *found : nullptr);
  });
  shards_.Run();
}

Client& RoomWorld::Connect(const std::string& name, const std::string& address) {
  const int shard = static_cast<int>(clients_.size() % hubs_.size());
  clients_.push_back(std::make_unique<Client>(*this, name, address, shard));
  // The welcome waits for the end of the turn only.
  while (clients_.back()->id().empty()) shards_.EndTurn(shard);
  return *clients_.back();
}

AnswerPtr RoomWorld::BeginJoin(const std::string& room, const std::string& member_id, const JoinOptions& options) {
  v1::JoinRequest request = JoinRequestOf(room, options);
  request.set_member_id(member_id);
  return Ask<v1::JoinRequest, v1::JoinResponse>(&RoomApi::Join, std::move(request),
                                                [](const auto& response, v1::Reply& reply) {
                                                  *reply.mutable_join() = *response.message;
                                                  PutPayload(response.payload, *reply.mutable_join());
                                                });
}

AnswerPtr RoomWorld::BeginEmit(const std::string& room, const std::string& event, const EmitOptions& options) {
  return Ask<v1::EmitRequest, v1::EmitResponse>(
      &RoomApi::Emit, EmitRequestOf(room, event, options),
      [](const auto& response, v1::Reply& reply) { *reply.mutable_emit() = *response.message; });
}

AnswerPtr RoomWorld::BeginCall(const std::string& room, const std::string& method, const std::string& args) {
  v1::CallRequest request;
  request.set_room_id(room);
  request.set_method(method);
  *request.mutable_args() = ValueOf(args);
  return Ask<v1::CallRequest, v1::CallResponse>(
      &RoomApi::Call, std::move(request),
      [](const auto& response, v1::Reply& reply) { PutPayload(response.payload, *reply.mutable_call()); });
}

AnswerPtr RoomWorld::BeginKick(const std::string& room, const std::string& member_id) {
  v1::LeaveRequest request;
  request.set_room_id(room);
  request.set_member_id(member_id);
  return Ask(&RoomApi::Leave, std::move(request));
}

AnswerPtr RoomWorld::BeginLock(const std::string& room, bool locked) {
  v1::UpdateRoomRequest request;
  request.set_room_id(room);
  request.set_locked(locked);
  return Ask(&RoomApi::UpdateRoom, std::move(request));
}

AnswerPtr RoomWorld::BeginDestroy(const std::string& room) {
  v1::DestroyRoomRequest request;
  request.set_room_id(room);
  return Ask(&RoomApi::DestroyRoom, std::move(request));
}

AnswerPtr RoomWorld::Join(const std::string& room, const std::string& member_id, const JoinOptions& options) {
  return RunFor(BeginJoin(room, member_id, options));
}
AnswerPtr RoomWorld::Emit(const std::string& room, const std::string& event, const EmitOptions& options) {
  return RunFor(BeginEmit(room, event, options));
}
AnswerPtr RoomWorld::Call(const std::string& room, const std::string& method, const std::string& args) {
  return RunFor(BeginCall(room, method, args));
}
AnswerPtr RoomWorld::Kick(const std::string& room, const std::string& member_id) {
  return RunFor(BeginKick(room, member_id));
}
AnswerPtr RoomWorld::Lock(const std::string& room, bool locked) { return RunFor(BeginLock(room, locked)); }
AnswerPtr RoomWorld::Destroy(const std::string& room) { return RunFor(BeginDestroy(room)); }

std::string RoomWorld::State(const std::string& room) {
  std::string state = "absent";
  With(room, [&](Room* found) {
    if (found != nullptr) state = found->state().Json();
  });
  return state;
}

std::string RoomWorld::Metadata(const std::string& room) {
  std::string metadata = "absent";
  With(room, [&](Room* found) {
    if (found != nullptr) metadata = ToJson(found->Metadata());
  });
  return metadata;
}

int RoomWorld::Members(const std::string& room) {
  int members = -1;
  With(room, [&](Room* found) {
    if (found != nullptr) members = found->roster().count();
  });
  return members;
}

RoomWorld::Settings Storing(RoomLog& log) {
  RoomWorld::Settings settings;
  settings.room_log = &log;
  return settings;
}

}  // namespace atrium::testing
