#include "tests/support/script_behaviour.h"

#include <utility>

#include "server/wire/merge.h"

namespace atrium::testing {
namespace {

RoomTypeInfo::Method MethodOf(const std::string& name) {
  return {.access = Access::kMember, .start = [name](RoomBehaviour& room, const json::value& args, const CallContext&) {
            return static_cast<ScriptBehaviour&>(room).Call(name, args);
          }};
}

const json::array* Find(const json::object& script, absl::string_view name) {
  const json::value* const commands = script.if_contains(FromView(name));
  return commands == nullptr ? nullptr : &commands->as_array();
}

}  // namespace

std::unique_ptr<RoomTypeInfo> ScriptType(std::string name, absl::string_view script, const RoomOptions& options) {
  const auto parsed = std::make_shared<const json::object>(ParseJson(script)->as_object());
  auto type = std::make_unique<RoomTypeInfo>();
  type->name = std::move(name);
  type->options = options;
  type->hooks = {
      .on_event = false, .on_event_async = parsed->contains("onEvent"), .on_leave_async = parsed->contains("onLeave")};
  type->create = [parsed] { return std::make_unique<ScriptBehaviour>(*parsed); };
  type->events["said"] = {.from_members = true};
  if (const json::value* const methods = parsed->if_contains("methods")) {
    for (const auto& [method, commands] : methods->as_object()) {
      type->methods[std::string(method)] = MethodOf(std::string(method));
    }
  }
  return type;
}

Awaitable<void> ScriptBehaviour::OnLeaveAsync(LeaveContext&) {
  // A leave has no verdict.
  (co_await Run("onLeave", {})).IgnoreError();
}

Awaitable<absl::Status> ScriptBehaviour::OnEventAsync(const EventContext& event) {
  return Run("onEvent", event.data.ToJsonValue());
}

Awaitable<bool> ScriptBehaviour::OnDestroy() {
  const absl::Status verdict = co_await Run("onDestroy", {});
  co_return verdict.ok();
}

Awaitable<absl::StatusOr<Payload>> ScriptBehaviour::Call(std::string method, json::value args) {
  const json::array commands = *Find(script_.at("methods").as_object(), method);
  absl::Status status = co_await RunAll(commands, std::move(args));
  if (!status.ok()) co_return status;
  co_return Payload::FromJson(state_);
}

Awaitable<absl::Status> ScriptBehaviour::Run(std::string hook, json::value args) {
  const json::array* const commands = Find(script_, hook);
  if (commands == nullptr) co_return absl::OkStatus();
  co_return co_await RunAll(*commands, std::move(args));
}

Awaitable<absl::Status> ScriptBehaviour::RunAll(json::array commands, json::value args) {
  for (const json::value& command : commands) {
    if (const json::value* const seconds = command.as_object().if_contains("wait")) {
      co_await room_->Delay(absl::Seconds(seconds->to_number<int>()));
    } else if (absl::Status status = Do(command.as_object(), args); !status.ok()) {
      co_return status;
    }
  }
  co_return absl::OkStatus();
}

absl::Status ScriptBehaviour::Do(const json::object& command, const json::value& args) {
  for (const auto& [name, value] : command) {
    if (name == "merge") MergeState(value.as_object());
    if (name == "args" && args.is_object()) MergeState(args.as_object());
    if (name == "emit") room_->Emit({.event = std::string(value.as_string()), .data = Payload::FromJson(args)});
    if (name == "fail") return absl::FailedPreconditionError(std::string(value.as_string()));
    if (name == "meta") {
      if (!meta_before_) meta_before_ = meta_;
      Merge(meta_, value.as_object());
    }
  }
  return absl::OkStatus();
}

void ScriptBehaviour::MergeState(const json::object& merge) {
  if (!state_before_) state_before_ = state_;
  change_.Append(ChangeFromMerge(state_, merge));
  Merge(state_, merge);
}

absl::Status ScriptBehaviour::Read(const std::string& bytes, json::object& into) {
  // What was never written is as it begins.
  if (bytes.empty()) return absl::OkStatus();
  const absl::StatusOr<json::value> read = ParseJson(bytes);
  if (!read.ok()) return read.status();
  if (!read->is_object()) return absl::DataLossError("it is no object");
  into = read->as_object();
  return absl::OkStatus();
}

absl::Status ScriptBehaviour::ReadStateJson(const json::value& state) {
  if (!state.is_object()) return absl::DataLossError("it is no object");
  state_ = state.as_object();
  return absl::OkStatus();
}

void ScriptBehaviour::KeepStep() {
  change_ = {};
  state_before_.reset();
  meta_before_.reset();
}

void ScriptBehaviour::UndoStep() {
  change_ = {};
  if (state_before_) state_ = *std::exchange(state_before_, std::nullopt);
  if (meta_before_) meta_ = *std::exchange(meta_before_, std::nullopt);
}

}  // namespace atrium::testing
