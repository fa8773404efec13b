#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "server/live/authoring/room_behaviour.h"
#include "server/live/authoring/room_context.h"
#include "server/live/authoring/room_type.h"

namespace atrium::testing {

// A type of rooms that is no class and has no messages: a JSON text says what they do. State and meta are any JSON.
//
//   {"onJoin": [{"merge": {"open": true}}], "methods": {"add": [{"args": true}, {"emit": "added"}]}}
//
// Each hook (onCreate, onLoad, onJoin, onLeave, onEvent, onDestroy) and method is a list of commands: `merge` and
// `meta` hold a merge patch of the state, of the meta; `args` merges the arguments, or the event's data, into the
// state; `emit` names an event, `wait` a number of seconds; `fail` is what it ends with. onLeave and onEvent are the
// forms that may wait. A method answers with the state.
std::unique_ptr<RoomTypeInfo> ScriptType(std::string name, absl::string_view script, const RoomOptions& options = {});

class ScriptBehaviour final : public RoomBehaviour {
 public:
  // `script` outlives it.
  explicit ScriptBehaviour(const json::object& script) : script_(script) {}

  void Attach(RoomContext& room, bool) override { room_ = &room; }

  Awaitable<absl::Status> OnCreate() override { return Run("onCreate", {}); }
  Awaitable<absl::Status> OnLoad() override { return Run("onLoad", {}); }
  Awaitable<absl::Status> OnJoin(JoinContext& join) override { return Run("onJoin", join.payload.ToJsonValue()); }
  void OnLeave(LeaveContext&) override {}
  Awaitable<void> OnLeaveAsync(LeaveContext& leave) override;
  absl::Status OnEvent(const EventContext&) override { return absl::OkStatus(); }
  Awaitable<absl::Status> OnEventAsync(const EventContext& event) override;
  Awaitable<bool> OnDestroy() override;
  Awaitable<absl::StatusOr<Payload>> Call(std::string method, json::value args);

  Payload StateJson() const override { return Payload::FromJson(state_); }
  std::string StateBytes() const override { return ToJson(state_); }
  std::string MetaBytes() const override { return ToJson(meta_); }
  absl::Status ReadState(const std::string& bytes) override { return Read(bytes, state_); }
  absl::Status ReadStateJson(const json::value& state) override;
  absl::Status ReadMeta(const std::string& bytes) override { return Read(bytes, meta_); }

  bool state_touched() const override { return state_before_.has_value(); }
  bool meta_touched() const override { return meta_before_.has_value(); }
  StateChange TakeChange() override { return std::move(change_); }
  void KeepStep() override;
  void UndoStep() override;
  // A type that is a script has no patch_interval.
  StateChange FlushState() override { return {}; }

 private:
  Awaitable<absl::Status> Run(std::string hook, json::value args);
  Awaitable<absl::Status> RunAll(json::array commands, json::value args);
  absl::Status Do(const json::object& command, const json::value& args);
  void MergeState(const json::object& merge);
  static absl::Status Read(const std::string& bytes, json::object& into);

  const json::object& script_;
  RoomContext* room_ = nullptr;
  json::object state_, meta_;
  // As they were when the current step first touched them, and what that has changed.
  std::optional<json::object> state_before_, meta_before_;
  StateChange change_;
};

}  // namespace atrium::testing
