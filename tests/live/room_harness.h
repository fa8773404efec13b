#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/live/room_manager.h"
#include "server/live/room_password.h"
#include "tests/support/manual_shards.h"
#include "tests/support/manual_workers.h"

namespace atrium::testing {

// A session without a connection: keeps the frames that rooms send it, as v1::ServerFrames.
class FakeSession final : public Subscriber {
 public:
  FakeSession(std::string name, std::string address, SessionKey key, Shard& shard)
      : self{.id = name,
             .user_id = "user-" + name,
             .address = std::move(address),
             .session = key,
             .shard = &shard,
             .encoding = Encoding::kGrpc} {}

  void Send(const FramePtr& frame) override {
    v1::ServerFrames parsed;
    parsed.ParseFromString(frame->bytes(Encoding::kGrpc));
    frames.push_back(std::move(*parsed.mutable_frames(0)));
  }
  void OnRemoved(const std::string&, const Removal& removal) override {
    removed = true;
    if (removal.left != nullptr) Send(removal.left);
  }

  // Takes the frames that came since the last call, each in a word: "hi@3", "patch@4", "+bob@5", "-bob@6", "left".
  std::vector<std::string> Take() {
    std::vector<std::string> words;
    for (const v1::ServerFrame& frame : std::exchange(frames, {})) words.push_back(Word(frame));
    return words;
  }

  const MemberIdentity self;
  std::vector<v1::ServerFrame> frames;
  bool removed = false;

 private:
  static std::string Word(const v1::ServerFrame& frame) {
    if (frame.has_event()) return frame.event().event() + "@" + std::to_string(frame.event().offset());
    if (frame.has_patch()) return "patch@" + std::to_string(frame.patch().offset());
    if (frame.has_left()) return "left";
    std::string word;
    for (const v1::Member& member : frame.member().joined()) word += "+" + member.id();
    for (const v1::Departure& departure : frame.member().left()) word += "-" + departure.member().id();
    return word + "@" + std::to_string(frame.member().offset());
  }
};

// Rooms on shards without threads, and sessions without sockets.
class RoomHarness {
 public:
  explicit RoomHarness(RoomRegistry registry = {}, RoomSettings settings = {}, int shards = 2)
      : registry_(std::move(registry)), shards_(shards), manager_(registry_, settings, shards_.All(), workers_, log_) {
    EXPECT_TRUE(StartPasswordHashing().ok());
  }

  FakeSession& Session(const std::string& name, const std::string& address = "") {
    const auto key = static_cast<SessionKey>(sessions_.size() + 1);
    sessions_.push_back(std::make_unique<FakeSession>(name, address, key, shards_[static_cast<int>(key % 2)]));
    return *sessions_.back();
  }

  // Joins and runs; the session gets the room's frames from then on.
  absl::StatusOr<Admission> Join(const std::string& room, FakeSession& session, json::object initial_state = {},
                                 Payload payload = {}) {
    absl::StatusOr<Admission> outcome = absl::UnknownError("pending");
    BeginJoin(room, session, outcome, std::move(initial_state), std::move(payload));
    shards_.Run();
    return outcome;
  }

  // The same without running; `outcome` is set once it is decided.
  void BeginJoin(const std::string& room, FakeSession& session, absl::StatusOr<Admission>& outcome,
                 json::object initial_state = {}, Payload payload = {}) {
    manager_.FindOrCreate(room, std::move(initial_state), [&, payload](absl::StatusOr<Room*> found) mutable {
      if (!found.ok()) {
        outcome = found.status();
        return;
      }
      (*found)->Join(session.self, std::move(payload), absl::nullopt, [&](absl::StatusOr<Admission> admission) {
        if (admission.ok() && admission->first_of_session) {
          const auto channel = admission->channel;
          session.self.shard->Post(
              [channel, &session] { channel->Add(session.self.shard->index(), session.self.session, session, 0); });
        }
        outcome = std::move(admission);
      });
    });
  }

  // Runs `use` on the room; null if there is none.
  template <typename Use>
  void With(const std::string& room, Use use) {
    manager_.Find(room, std::move(use));
    shards_.Run();
  }

  absl::Status Leave(const std::string& room, FakeSession& session, v1::LeaveReason reason, bool tell = false) {
    absl::Status status;
    With(room, [&](Room* found) { status = found->Leave(session.self.id, reason, tell); });
    return status;
  }

  int Emit(const std::string& room, const std::string& event, FakeSession* sender = nullptr) {
    int notified = -1;
    With(room, [&](Room* found) {
      notified = found->Emit({.event = event, .sender = sender == nullptr ? nullptr : &sender->self}).value_or(-1);
    });
    return notified;
  }

  std::string State(const std::string& room) {
    std::string state = "absent";
    With(room, [&](Room* found) {
      if (found != nullptr) state = found->state().Json();
    });
    return state;
  }

  // Calls a method and runs; for a service, which creates the room, if `member` is null. UNKNOWN ("pending") if the
  // method still waits.
  absl::StatusOr<TypedRoom::CallResult> Call(const std::string& room, const std::string& method,
                                             const json::value& args, const FakeSession* member = nullptr) {
    const auto result = std::make_shared<absl::StatusOr<TypedRoom::CallResult>>(absl::UnknownError("pending"));
    manager_.FindOrCreate(room, {}, [=](absl::StatusOr<Room*> found) {
      (*found)->Call(method, args, member == nullptr ? nullptr : &member->self,
                     [result](absl::StatusOr<TypedRoom::CallResult> called) { *result = std::move(called); });
    });
    shards_.Run();
    return *result;
  }

  ManualShards& shards() { return shards_; }
  ManualWorkers& workers() { return workers_; }
  RoomManager& manager() { return manager_; }

 private:
  Log log_{LogLevel::kError};
  const RoomRegistry registry_;
  ManualShards shards_;
  ManualWorkers workers_;
  RoomManager manager_;
  std::vector<std::unique_ptr<FakeSession>> sessions_;
};

}  // namespace atrium::testing
