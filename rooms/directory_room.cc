#include "rooms/directory_room.h"

#include <google/protobuf/util/message_differencer.h>

#include <utility>

namespace atrium::rooms {
namespace {

constexpr int kMaxShown = 1000;
constexpr size_t kMaxTextBytes = 200;

// Returns a text of the metadata; empty if it is none, or too long to be shown.
std::string TextOf(const json::object& metadata, const char* key) {
  const json::value* value = metadata.if_contains(key);
  if (value == nullptr || !value->is_string() || value->get_string().size() > kMaxTextBytes) return "";
  return std::string(value->get_string().c_str());
}

DirectoryEntry EntryOf(const ListedRoom& room) {
  DirectoryEntry entry;
  entry.set_id(room.id);
  entry.set_name(TextOf(room.metadata, "name"));
  if (entry.name().empty()) entry.set_name(room.id.substr(room.id.find(':') + 1));
  const json::value* is_private = room.metadata.if_contains("isPrivate");
  entry.set_is_private(is_private != nullptr && is_private->is_bool() && is_private->get_bool());
  entry.set_created_by(TextOf(room.metadata, "createdBy"));
  return entry;
}

}  // namespace

void DirectoryRoom::Describe(RoomType<DirectoryRoom>& type) {
  type.options().listed = false;
  type.Event<DirectoryEntry>("room:added")
      .Event<DirectoryEntry>("room:changed")
      .Event<DirectoryRemoval>("room:removed");
}

Awaitable<absl::Status> DirectoryRoom::OnCreate() {
  co_await WatchRooms([this](const RoomListChange& change) { OnChange(change); });
  co_return absl::OkStatus();
}

void DirectoryRoom::OnChange(const RoomListChange& change) {
  for (const std::string& id : change.gone) Hide(id);
  for (const ListedRoom& room : change.listed) Show(EntryOf(room));
  while (state().rooms_size() < kMaxShown && !waiting_.empty()) {
    Show(waiting_.extract(waiting_.begin()).mapped());
  }
  const auto not_shown = static_cast<int32_t>(waiting_.size());
  if (not_shown == state().not_shown()) return;
  Mutate([&](DirectoryState& state) { state.set_not_shown(not_shown); });
}

void DirectoryRoom::Show(const DirectoryEntry& entry) {
  const auto it = state().rooms().find(entry.id());
  const bool shown = it != state().rooms().end();
  if (!shown && state().rooms_size() >= kMaxShown) {
    waiting_[entry.id()] = entry;
    return;
  }
  if (shown && google::protobuf::util::MessageDifferencer::Equals(it->second, entry)) return;
  Put(&DirectoryState::mutable_rooms, entry.id(), entry);
  Emit(shown ? "room:changed" : "room:added", entry);
}

void DirectoryRoom::Hide(const std::string& id) {
  waiting_.erase(id);
  if (state().rooms().count(id) == 0) return;
  Erase(&DirectoryState::mutable_rooms, id);
  DirectoryRemoval removal;
  removal.set_id(id);
  Emit("room:removed", removal);
}

}  // namespace atrium::rooms
