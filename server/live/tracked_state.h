#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "server/wire/message_json.h"
#include "server/wire/patch.h"

namespace atrium {

// What a step has changed of a state, and how many bytes its JSON grows by that.
struct StateChange {
  Patch patch;
  int64_t growth = 0;
};

// The public state of a room or component, whatever its type, and what the current step has changed of it.
class StateTracker {
 public:
  virtual ~StateTracker() = default;
  virtual const google::protobuf::Message& committed() const = 0;
  // Whether the step has changed something, perhaps.
  virtual bool touched() const = 0;
  // What the step has changed; asked once, before Keep or Undo ends the step.
  virtual StateChange Take() = 0;
  virtual void Keep() = 0;
  virtual void Undo() = 0;
};

// A state that is a message. Not thread-safe.
template <typename State>
class TrackedState final : public StateTracker {
 public:
  const State& value() const { return value_; }
  // `change(State&)`.
  template <typename Change>
  void Mutate(Change&& change) {
    if (!before_) before_ = value_;
    std::forward<Change>(change)(value_);
  }

  const State& committed() const override { return value_; }
  bool touched() const override { return before_.has_value(); }
  StateChange Take() override {
    const json::value before = *ParseJson(MessageToJson(*before_, JsonZeros::kPrint));
    const json::value after = *ParseJson(MessageToJson(value_, JsonZeros::kPrint));
    return {Diff(before, after), static_cast<int64_t>(JsonSize(after)) - static_cast<int64_t>(JsonSize(before))};
  }
  void Keep() override { before_.reset(); }
  void Undo() override {
    if (before_) value_ = *std::exchange(before_, std::nullopt);
  }

 private:
  State value_;
  std::optional<State> before_;
};

}  // namespace atrium
