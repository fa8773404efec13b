#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/live/authoring/live_room.h"
#include "tests/bench/bench_rooms.pb.h"

namespace atrium::bench {

// Keeps its last 100 messages: "append" adds by the recorder, "mutate" as rooms do that know only Mutate.
class ListRoom final : public LiveRoom<ListState, Nothing> {
 public:
  static constexpr absl::string_view kName = "list";
  static constexpr int kKept = 100;

  static void Describe(RoomType<ListRoom>& type) {
    type.Method("append", &ListRoom::AddByAppend, Access::kMember)
        .Method("mutate", &ListRoom::AddByMutate, Access::kMember);
  }

  absl::StatusOr<Nothing> AddByAppend(const AddRequest& request, const CallContext& call) {
    Append(&ListState::mutable_messages, NextMessage(request, call), kKept);
    return Nothing();
  }

  absl::StatusOr<Nothing> AddByMutate(const AddRequest& request, const CallContext& call) {
    Mutate([message = NextMessage(request, call)](ListState& state) mutable {
      auto& messages = *state.mutable_messages();
      if (messages.size() == kKept) messages.DeleteSubrange(0, 1);
      *messages.Add() = std::move(message);
    });
    return Nothing();
  }

 private:
  ListMessage NextMessage(const AddRequest& request, const CallContext& call) {
    ListMessage message;
    message.set_id(++last_id_);
    message.set_user(call.member ? call.member->user_id : "");
    message.set_text(request.text());
    return message;
  }

  uint64_t last_id_ = 0;
};

// Players by member: "move" puts the caller's own.
class ArenaBase : public LiveRoom<ArenaState, Nothing> {
 public:
  absl::StatusOr<Nothing> Move(const Player& player, const CallContext& call) {
    if (call.member) Put(&ArenaState::mutable_players, call.member->id, player);
    return Nothing();
  }
};

// Tells each move at once.
class ArenaRoom final : public ArenaBase {
 public:
  static constexpr absl::string_view kName = "arena";
  static void Describe(RoomType<ArenaRoom>& type) {
    type.Method<Player, Nothing>("move", &ArenaRoom::Move, Access::kMember);
  }
};

// Tells the moves of 50 ms together.
class FoldingArenaRoom final : public ArenaBase {
 public:
  static constexpr absl::string_view kName = "arena50";
  static void Describe(RoomType<FoldingArenaRoom>& type) {
    type.options().patch_interval = absl::Milliseconds(50);
    type.Method<Player, Nothing>("move", &FoldingArenaRoom::Move, Access::kMember);
  }
};

// Durable, and nothing but its events.
class NotesRoom final : public LiveRoom<Nothing, Nothing> {
 public:
  static constexpr absl::string_view kName = "notes";
  static void Describe(RoomType<NotesRoom>& type) {
    type.options().durable = true;
    type.FromMembers<Note>("note");
  }
};

}  // namespace atrium::bench
