#pragma once

#include <google/protobuf/map.h>
#include <google/protobuf/message.h>
#include <google/protobuf/repeated_ptr_field.h>

#include <array>
#include <bit>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/wire/message_diff.h"
#include "server/wire/message_json.h"
#include "server/wire/patch.h"

namespace atrium {

// The public state of a room or component, whatever its type, and what the current step has changed of it.
class StateTracker {
 public:
  virtual ~StateTracker() = default;

  // With folding, clients get the changes of many steps at once, by Flush. It is set before the first change.
  virtual void set_folding(bool folding) = 0;
  // Returns what the clients have, which is the state without the steps since the last Flush.
  virtual const google::protobuf::Message& committed() const = 0;

  // Returns the state itself, to be filled before the first step.
  virtual google::protobuf::Message& restored() = 0;

  // Returns whether the step may have changed something.
  virtual bool touched() const = 0;
  // Returns what the step has changed. It is asked once, before Keep or Undo ends the step.
  virtual StateChange Take() = 0;
  virtual void Keep() = 0;
  virtual void Undo() = 0;

  // Returns what the steps since the last Flush have changed, for the clients.
  virtual StateChange Flush() = 0;
};

// A state that is a message. Mutate can change anything, and costs a copy and a comparison of the whole state; the
// recorders (Append, Put, Erase) cost what they change, and a room that changes many times a second wants them. It is
// not thread-safe.
template <typename State>
class TrackedState final : public StateTracker {
 public:
  template <typename Element>
  using List = google::protobuf::RepeatedPtrField<Element>;
  template <typename Key, typename Value>
  using Map = google::protobuf::Map<Key, Value>;

  const State& value() const { return value_; }

  // Calls `change(State&)`, which may change anything.
  template <typename Change>
  void Mutate(Change&& change) {
    Touch();
    if (!before_) before_ = value_;
    std::forward<Change>(change)(value_);
  }

  // Adds an element to a list of messages at the top of the state: Append(&State::mutable_messages, message, 100). The
  // list holds at most `keep` elements, of which the first are dropped; 0 means no limit.
  template <typename Element>
  void Append(List<Element>* (State::*list)(), Element element, int keep = 0) {
    Touch();
    List<Element>& elements = *(value_.*list)();
    const int dropped = keep > 0 && elements.size() >= keep ? elements.size() - keep + 1 : 0;
    if (before_) {
      elements.DeleteSubrange(0, dropped);
      *elements.Add() = std::move(element);
      return;
    }
    const std::string path = ChildPath("", FieldOf(list).json_name());
    std::vector<Element> front(dropped);
    for (int i = 0; i < dropped; ++i) {
      front[i].Swap(elements.Mutable(i));
      change_.Remove(ChildPath(path, size_t{0}), SizeOfJson(MessageToJson(front[i], JsonZeros::kPrint)),
                     elements.size() - i - 1, nullptr);
    }
    elements.DeleteSubrange(0, dropped);
    const size_t size = elements.size();
    change_.Add(ChildPath(path, size), MessageToJson(element, JsonZeros::kPrint), size, nullptr);
    *elements.Add() = std::move(element);
    undo_.push_back([list, front = std::move(front)](State& state) mutable { PutBack(*(state.*list)(), front); });
  }

  // Sets an entry of a map at the top of the state: Put(&State::mutable_players, id, player).
  template <typename Key, typename Value>
  void Put(Map<Key, Value>* (State::*map)(), const typename Map<Key, Value>::key_type& key, Value value) {
    Record(map, key, [&](Map<Key, Value>& entries) { entries[key] = std::move(value); });
  }

  // Removes an entry of a map, if it is there.
  template <typename Key, typename Value>
  void Erase(Map<Key, Value>* (State::*map)(), const typename Map<Key, Value>::key_type& key) {
    Record(map, key, [&](Map<Key, Value>& entries) { entries.erase(key); });
  }

  void set_folding(bool folding) override { folding_ = folding; }
  const State& committed() const override { return committed_ == nullptr ? value_ : *committed_; }

  State& restored() override { return value_; }

  bool touched() const override { return touched_; }
  StateChange Take() override {
    if (before_) change_.Append(DiffMessages(*before_, value_));
    return std::exchange(change_, {});
  }
  void Keep() override {
    before_.reset();
    EndStep();
  }
  void Undo() override {
    if (before_) value_ = *std::exchange(before_, std::nullopt);
    for (; !undo_.empty(); undo_.pop_back()) undo_.back()(value_);
    EndStep();
  }

  StateChange Flush() override {
    if (committed_ == nullptr) return {};
    StateChange change = DiffMessages(*committed_, value_);
    committed_ = nullptr;
    return change;
  }

 private:
  using FieldDescriptor = google::protobuf::FieldDescriptor;
  // The bytes of a pointer to a member function, which can be compared whatever its type.
  using AccessorBytes = std::array<std::byte, sizeof(void (State::*)())>;

  void Touch() {
    touched_ = true;
    if (folding_ && committed_ == nullptr) committed_ = std::make_unique<State>(value_);
  }

  void EndStep() {
    touched_ = false;
    undo_.clear();
    change_ = {};
  }

  // Changes one entry of a map. The two states that are compared hold nothing else.
  template <typename Key, typename Value, typename Change>
  void Record(Map<Key, Value>* (State::*map)(), const typename Map<Key, Value>::key_type& key, Change change) {
    Touch();
    Map<Key, Value>& entries = *(value_.*map)();
    if (before_) return change(entries);
    State before;
    std::optional<Value> old;
    if (const auto it = entries.find(key); it != entries.end()) old = (*(before.*map)())[key] = it->second;
    const size_t others = entries.size() - (old ? 1 : 0);
    change(entries);
    State after;
    if (const auto it = entries.find(key); it != entries.end()) (*(after.*map)())[key] = it->second;
    change_.Append(DiffMaps(before, after, FieldOf(map), others));
    undo_.push_back([map, key, old = std::move(old)](State& state) {
      if (old) {
        (*(state.*map)())[key] = *old;
      } else {
        (state.*map)()->erase(key);
      }
    });
  }

  template <typename Element>
  static void PutBack(List<Element>& elements, std::vector<Element>& front) {
    List<Element> all;
    for (Element& element : front) *all.Add() = std::move(element);
    elements.RemoveLast();
    for (Element& element : elements) *all.Add() = std::move(element);
    elements.Swap(&all);
  }

  // Returns the field that `accessor` gives access to, which is the one that makes its container not empty. It is found
  // out once for each accessor.
  template <typename Container>
  const FieldDescriptor& FieldOf(Container* (State::*accessor)()) {
    const auto bytes = std::bit_cast<AccessorBytes>(accessor);
    for (const auto& [known, field] : fields_) {
      if (known == bytes) return *field;
    }
    State probe;
    const google::protobuf::Descriptor& type = *State::descriptor();
    int i = 0;
    for (; (probe.*accessor)()->empty(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      if (field.is_repeated() && field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        State::GetReflection()->AddMessage(&probe, &field);
      }
    }
    fields_.emplace_back(bytes, type.field(i - 1));
    return *type.field(i - 1);
  }

  State value_;
  bool folding_ = false;
  bool touched_ = false;
  // These belong to the current step: the state as it was when Mutate was first called, what the recorders changed
  // before that, and how to undo it.
  std::optional<State> before_;
  StateChange change_;
  std::vector<std::function<void(State&)>> undo_;
  // It is there while there is something to flush.
  std::unique_ptr<State> committed_;
  std::vector<std::pair<AccessorBytes, const FieldDescriptor*>> fields_;
};

}  // namespace atrium
