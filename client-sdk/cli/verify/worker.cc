#include "client-sdk/cli/verify/worker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client-sdk/cli/json.h"
#include "client-sdk/cli/verify/frame.h"

namespace atrium::verify {
namespace {

constexpr absl::Duration kRetryPause = absl::Milliseconds(20);
constexpr int kKeys = 8;

Position FromProto(const v1::Position& position) { return {position.epoch(), position.offset()}; }

}  // namespace

Worker::Worker(cli::Rpc& rpc, Recorder& recorder, const Settings& settings, const std::vector<TestRoom>& rooms,
               Client& client, const std::vector<Client*>& all, uint64_t seed)
    : rpc_(rpc), recorder_(recorder), settings_(settings), rooms_(rooms), client_(client), all_(all), random_(seed) {}

void Worker::Run(const std::function<bool()>& stopped) {
  const absl::Duration pace = absl::Seconds(1) / settings_.rate;
  absl::Time next = absl::Now();
  while (!stopped() && recorder_.failure().empty()) {
    if (!client_.Connect()) return;
    RepeatLast();
    Take(Draw());
    next = std::max(next + pace, absl::Now() - absl::Seconds(1));
    absl::SleepFor(next - absl::Now());
  }
  if (!client_.Connect()) return;
  for (const TestRoom& room : rooms_) {
    if (client_.in(room.id)) GetState(room);
  }
  client_.End();
}

Worker::Step Worker::Draw() {
  Step step;
  step.action = static_cast<int>(random_() % 100);
  step.room = &rooms_[random_() % rooms_.size()];
  step.other = all_[random_() % all_.size()];
  step.variant = static_cast<int>(random_() % 100);
  step.repeat = static_cast<Repeat>(random_() % 4);
  return step;
}

void Worker::Take(const Step& step) {
  const bool typed = step.room->kind != TestRoom::Kind::kUntyped;
  if (step.action < 28) return Emit(step, /*as_member=*/!typed);
  if (step.action < 40) return Emit(step, /*as_member=*/false);
  if (step.action < 56) return typed ? CallMethod(step) : SetState(step, /*as_member=*/true);
  if (step.action < 64) return typed ? CallMethod(step) : SetState(step, /*as_member=*/false);
  if (step.action < 76) return typed ? CallMethod(step) : SetStateOnCondition(step);
  if (step.action < 84) return GetState(*step.room);
  if (step.action < 96) return LeaveOrJoin(*step.room);
  if (step.action < 98) return client_.Drop();
  client_.End();
}

// ---- Steps

bool Worker::Enter(const TestRoom& room) {
  return client_.in(room.id) || client_.Join(room.id, room.kind != TestRoom::Kind::kUntyped).ok();
}

void Worker::LeaveOrJoin(const TestRoom& room) {
  if (client_.in(room.id)) {
    client_.Leave(room.id).IgnoreError();
  } else {
    Enter(room);
  }
}

void Worker::Emit(const Step& step, bool as_member) {
  if (!Enter(*step.room)) return;
  Write write = NewWrite(Call::Kind::kEmit, step, as_member);
  v1::EmitRequest& emit = *write.frame.mutable_emit();
  emit.set_room_id(step.room->id);
  emit.set_event("verify:note");
  auto& data = *emit.mutable_data()->mutable_struct_value()->mutable_fields();
  data["mark"].set_string_value(write.call.marker);
  data["number"].set_number_value(writes_);
  if (step.variant < 20) write.call.to = {step.other->id()};
  if (step.variant >= 20 && step.variant < 40) write.call.exclude = {step.other->id()};
  for (const std::string& id : write.call.to) emit.add_to(id);
  for (const std::string& id : write.call.exclude) emit.add_exclude(id);
  write.call.include_self = step.variant % 2 == 0;
  emit.set_include_self(write.call.include_self);
  emit.set_idempotency_key(write.call.key);
  Do(std::move(write), step.repeat);
}

void Worker::SetState(const Step& step, bool as_member) {
  if (!Enter(*step.room)) return;
  Write write = NewWrite(Call::Kind::kSetState, step, as_member);
  v1::SetStateRequest& set = *write.frame.mutable_set_state();
  set.set_room_id(step.room->id);
  auto& keys = *set.mutable_state()->mutable_struct_value()->mutable_fields();
  const std::string key = absl::StrCat("key", step.variant % kKeys);
  if (step.variant < 60) {
    keys[key].set_string_value(write.call.marker);
  } else if (step.variant < 80) {
    (*keys["deep"].mutable_struct_value()->mutable_fields())[key].set_string_value(write.call.marker);
  } else {
    keys[key].set_null_value(google::protobuf::NULL_VALUE);
    keys["list"].mutable_list_value()->add_values()->set_string_value(write.call.marker);
  }
  set.set_idempotency_key(write.call.key);
  Do(std::move(write), step.repeat);
}

// Asks for two at once, of which one must lose; others do the same.
void Worker::SetStateOnCondition(const Step& step) {
  if (!Enter(*step.room)) return;
  const uint64_t expected = client_.patch_offset(step.room->id);
  std::vector<Write> writes;
  std::vector<uint32_t> ids;
  for (int i = 0; i < 2; ++i) {
    Write& write = writes.emplace_back(NewWrite(Call::Kind::kSetState, step, /*as_member=*/true));
    write.call.key.clear();
    write.call.expected_offset = expected;
    v1::SetStateRequest& set = *write.frame.mutable_set_state();
    set.set_room_id(step.room->id);
    set.set_expected_offset(expected);
    (*set.mutable_state()->mutable_struct_value()->mutable_fields())["turn"].set_string_value(write.call.marker);
    ids.push_back(Begin(write));
  }
  for (size_t i = 0; i < ids.size(); ++i) Finish(writes[i], client_.Wait(ids[i]));
}

void Worker::CallMethod(const Step& step) {
  Write write = NewWrite(Call::Kind::kMethod, step, /*as_member=*/false);
  const bool chat = step.room->kind == TestRoom::Kind::kChat;
  v1::CallRequest& call = *write.frame.mutable_call();
  call.set_room_id(step.room->id);
  call.set_method(chat ? "addMessage" : "increment");
  auto& args = *call.mutable_args()->mutable_struct_value()->mutable_fields();
  args[chat ? "text" : "username"].set_string_value(write.call.marker);
  call.set_idempotency_key(write.call.key);
  Do(std::move(write), step.repeat);
}

void Worker::GetState(const TestRoom& room) {
  if (!Enter(room)) return;
  v1::ClientFrame frame;
  frame.mutable_get_state()->set_room_id(room.id);
  client_.Wait(client_.Send(std::move(frame))).status().IgnoreError();
}

// ---- Writes

Worker::Write Worker::NewWrite(Call::Kind kind, const Step& step, bool as_member) {
  Write write{.number = recorder_.NewCall(), .as_member = as_member};
  write.call.kind = kind;
  write.call.room = step.room->id;
  write.call.marker = absl::StrCat(kMarkerPrefix, client_.name(), ":", ++writes_);
  if (step.repeat != Repeat::kNever) write.call.key = absl::StrCat("key of ", write.call.marker);
  return write;
}

void Worker::Do(Write write, Repeat repeat) {
  bool known = false;
  if (repeat == Repeat::kAtOnce && write.as_member) {
    const uint32_t first = Begin(write);
    const uint32_t second = Begin(write);
    known = Finish(write, client_.Wait(first));
    known = Finish(write, client_.Wait(second)) && known;
  } else {
    known = Attempt(write);
  }
  if (repeat == Repeat::kNever) return;
  const absl::Time deadline = absl::Now() + settings_.patience();
  while (!known && absl::Now() < deadline) {
    absl::SleepFor(kRetryPause);
    if (!client_.Connect()) return;
    known = Attempt(write);
  }
  if (repeat == Repeat::kAfterwards) Attempt(write);
  last_ = std::move(write);
}

// Another process of the server may have done it before; with its key it is done once all the same.
void Worker::RepeatLast() {
  if (client_.connections() == connection_) return;
  connection_ = client_.connections();
  if (last_ && (!last_->as_member || client_.in(last_->call.room))) Attempt(*last_);
}

bool Worker::Attempt(const Write& write) {
  if (write.as_member) {
    const uint32_t id = Begin(write);
    return Finish(write, client_.Wait(id));
  }
  recorder_.Add(client_.number(), Asked{write.number, write.call});
  return Finish(write, AskAsService(write));
}

uint32_t Worker::Begin(const Write& write) {
  Call call = write.call;
  call.member_id = client_.id();
  recorder_.Add(client_.number(), Asked{write.number, std::move(call)});
  return client_.Send(write.frame);
}

bool Worker::Finish(const Write& write, const absl::StatusOr<v1::Reply>& reply) {
  Answered answered{.call = write.number, .status = reply.status(), .in_doubt = InDoubt(reply.status())};
  if (reply.ok() && reply->emit().has_position()) answered.position = FromProto(reply->emit().position());
  if (reply.ok() && reply->has_set_state()) answered.position = FromProto(reply->set_state().position());
  const bool known = !answered.in_doubt;
  recorder_.Add(client_.number(), std::move(answered));
  return known;
}

absl::StatusOr<v1::Reply> Worker::AskAsService(const Write& write) {
  v1::Reply reply;
  const auto take = [](auto response, auto* into) {
    if (response.ok()) *into = *std::move(response);
    return response.status();
  };
  absl::Status status;
  using Rooms = v1::RoomService::Stub;
  if (write.frame.has_emit()) {
    status = take(rpc_.Ask(&Rooms::Emit, write.frame.emit()), reply.mutable_emit());
  } else if (write.frame.has_set_state()) {
    status = take(rpc_.Ask(&Rooms::SetState, write.frame.set_state()), reply.mutable_set_state());
  } else {
    status = take(rpc_.Ask(&Rooms::Call, write.frame.call()), reply.mutable_call());
  }
  if (!status.ok()) return status;
  return reply;
}

}  // namespace atrium::verify
