#pragma once

#include <string>

#include "absl/container/btree_map.h"
#include "absl/strings/string_view.h"
#include "rooms/directory.pb.h"
#include "server/live/authoring/live_room.h"

namespace atrium::rooms {

// Shows its members which rooms there are: the typed rooms that ListRooms lists. Rooms are there within 100 ms of what
// happens to them. A directory itself is not listed; any instance shows the same, `directory:main` by convention.
//
// `name`, `isPrivate` and `createdBy` are what the room's metadata says under these keys.
class DirectoryRoom final : public LiveRoom<DirectoryState, DirectoryMeta> {
 public:
  static constexpr absl::string_view kName = "directory";
  static void Describe(RoomType<DirectoryRoom>& type);

  // Ends when all rooms are there, so that whoever joins sees them.
  Awaitable<absl::Status> OnCreate() override;

 private:
  void OnChange(const RoomListChange& change);
  void Show(const DirectoryEntry& entry);
  void Hide(const std::string& id);

  // There is no place for these; they are shown when there is.
  absl::btree_map<std::string, DirectoryEntry> waiting_;
};

}  // namespace atrium::rooms
