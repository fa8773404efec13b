#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "server/live/authoring/hooks.h"
#include "server/wire/json.h"
#include "server/wire/patch.h"
#include "server/wire/payload.h"

namespace atrium {

class RoomContext;

// What a typed room does and keeps: its hooks, its public state, and its private one, the meta. The server drives it
// and knows no more of it, so a type of rooms need not be a class with generated messages; LiveRoom is the one that is.
//
// Its methods and what it is called stand in RoomTypeInfo. All of it runs on the thread of the room's shard. Code runs
// in steps, as LiveRoomBase says; each ends with KeepStep or UndoStep.
class RoomBehaviour {
 public:
  RoomBehaviour() = default;
  RoomBehaviour(const RoomBehaviour&) = delete;
  RoomBehaviour& operator=(const RoomBehaviour&) = delete;
  virtual ~RoomBehaviour() = default;

  // Gives it the room around it, which outlives it; no hook has run. With `folding`, the members get the changes of
  // many steps at once, by FlushState.
  virtual void Attach(RoomContext& room, bool folding) = 0;

  // ---- Hooks; LiveRoomBase says when each runs, and what it may do. Those whose names end in Async may wait, and run
  // only if RoomTypeInfo::hooks says that there are any.

  virtual Awaitable<absl::Status> OnCreate() = 0;
  virtual Awaitable<absl::Status> OnLoad() = 0;
  virtual Awaitable<absl::Status> OnJoin(JoinContext& join) = 0;
  virtual void OnLeave(LeaveContext& leave) = 0;
  virtual Awaitable<void> OnLeaveAsync(LeaveContext& leave) = 0;
  virtual absl::Status OnEvent(const EventContext& event) = 0;
  virtual Awaitable<absl::Status> OnEventAsync(const EventContext& event) = 0;
  virtual Awaitable<bool> OnDestroy() = 0;

  // ---- State and meta

  // Returns the state, a JSON object, as the members have it: without the steps since the last FlushState.
  virtual Payload StateJson() const = 0;
  // Return what the log keeps of the state, as the members have it, and of the meta.
  virtual std::string StateBytes() const = 0;
  virtual std::string MetaBytes() const = 0;
  // Take back what was stored, before Attach: the state as bytes, then as patches have changed its JSON since. Not OK
  // if it is none of this type.
  virtual absl::Status ReadState(const std::string& bytes) = 0;
  virtual absl::Status ReadStateJson(const json::value& state) = 0;
  virtual absl::Status ReadMeta(const std::string& bytes) = 0;

  // ---- The current step

  // Return whether the step may have changed the state, the meta.
  virtual bool state_touched() const = 0;
  virtual bool meta_touched() const = 0;
  // Returns what the step has changed of the state. It is asked once, before KeepStep or UndoStep ends the step.
  virtual StateChange TakeChange() = 0;
  // Ends the step: its changes of state and meta stay, or are taken back.
  virtual void KeepStep() = 0;
  virtual void UndoStep() = 0;
  // Returns what the steps since the last such call have changed of the state, for the members.
  virtual StateChange FlushState() = 0;
};

}  // namespace atrium
