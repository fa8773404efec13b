#pragma once

#include <boost/json/parse.hpp>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client-sdk/cli/json.h"
#include "client-sdk/cli/verify/history.h"

namespace atrium::verify {

inline constexpr char kRoom[] = "room";
inline constexpr char kEpoch[] = "e1";

// An event that carries a marker.
inline FramePtr EventAt(uint64_t offset, const std::string& marker, const std::string& sender = "") {
  auto frame = std::make_shared<v1::ServerFrame>();
  v1::RoomEvent& event = *frame->mutable_event();
  event.set_room_id(kRoom);
  event.set_offset(offset);
  event.set_event("note");
  event.set_sender_id(sender);
  event.mutable_data()->set_string_value(marker);
  return frame;
}

// A patch of one operation; `value` is JSON.
inline FramePtr PatchAt(uint64_t offset, const std::string& op, const std::string& path, const std::string& value) {
  auto frame = std::make_shared<v1::ServerFrame>();
  frame->mutable_patch()->set_room_id(kRoom);
  frame->mutable_patch()->set_offset(offset);
  v1::PatchOperation& operation = *frame->mutable_patch()->add_operations();
  operation.set_op(op);
  operation.set_path(path);
  if (!value.empty()) *operation.mutable_value() = cli::ToProto(json::parse(value));
  return frame;
}

inline FramePtr MembersAt(uint64_t offset, int count) {
  auto frame = std::make_shared<v1::ServerFrame>();
  frame->mutable_member()->set_room_id(kRoom);
  frame->mutable_member()->set_offset(offset);
  frame->mutable_member()->set_count(count);
  return frame;
}

// A history as a test tells it. Clients are ana (0), bea (1) and a watcher (2); as members they have these names.
class Story {
 public:
  static constexpr int kAna = 0;
  static constexpr int kBea = 1;
  static constexpr int kWatcher = 2;

  Story() { history_.clients = {"ana", "bea", "watcher"}; }

  History& history() { return history_; }
  // Of the record that is added next.
  size_t next() const { return history_.records.size(); }

  template <typename What>
  Story& Add(int client, What what) {
    history_.records.push_back({client, std::move(what)});
    return *this;
  }

  Story& Enters(int client, uint64_t offset, const std::string& state = "{}", const std::string& epoch = kEpoch) {
    return Add(client, Entered{.room = kRoom,
                               .position = {epoch, offset},
                               .member_id = client == kWatcher ? "" : history_.clients[static_cast<size_t>(client)],
                               .state = json::parse(state),
                               .members = 1});
  }
  Story& Recovers(int client, uint64_t since, uint64_t position, uint64_t public_until, const std::string& as) {
    return Add(client, Entered{.room = kRoom,
                               .position = {kEpoch, position},
                               .member_id = as,
                               .recovered = true,
                               .since = {kEpoch, since},
                               .public_until = public_until});
  }
  Story& Sees(int client, FramePtr frame) { return Add(client, Saw{std::move(frame)}); }
  Story& Knows(int client, uint64_t offset, const std::string& state = "", bool last = false) {
    verify::Knows knows{.room = kRoom, .position = {kEpoch, offset}, .last = last};
    if (!state.empty()) knows.state = json::parse(state);
    return Add(client, std::move(knows));
  }
  // `call` is also the marker: w:<call>.
  Story& Asks(int client, int call, Call what = {}) {
    what.room = kRoom;
    if (what.kind != Call::Kind::kJoin && what.kind != Call::Kind::kLeave) what.marker = absl::StrCat("w:", call);
    return Add(client, Asked{call, std::move(what)});
  }
  Story& Done(int client, int call, uint64_t offset, const std::string& epoch = kEpoch) {
    return Add(client, Answered{.call = call, .position = Position{epoch, offset}});
  }
  Story& DoneSomewhere(int client, int call) { return Add(client, Answered{.call = call}); }
  Story& Refused(int client, int call) {
    return Add(client, Answered{.call = call, .status = absl::AbortedError("no")});
  }
  Story& NoAnswer(int client, int call) {
    return Add(client, Answered{.call = call, .status = absl::UnavailableError("gone"), .in_doubt = true});
  }

 private:
  History history_;
};

}  // namespace atrium::verify
