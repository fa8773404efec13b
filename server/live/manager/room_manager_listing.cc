// How the manager lists rooms: in slices, so that a shard with many rooms does its other work meanwhile.

#include <memory>
#include <optional>
#include <utility>

#include "server/live/manager/room_manager.h"

namespace atrium {

// Walks over the rooms of a shard behind an id, in the order of their ids: those in memory and those that sleep. It is
// good until one comes or goes.
class RoomManager::Walk {
 public:
  struct Place {
    const std::string& id;
    // This is null if the room is not in memory.
    const Entry* entry;
    // This is null if it does not sleep; one that is being loaded still does.
    const std::string* head;
  };

  Walk(const ShardRooms& here, const std::string& after)
      : here_(here), entry_(here.rooms.After(after)), head_(here.sleeping.After(after)) {}

  std::optional<Place> Next() {
    const bool in_memory = entry_ != here_.rooms.end();
    const bool sleeps = head_ != here_.sleeping.end();
    if (!in_memory && !sleeps) return std::nullopt;
    const int order = !in_memory ? 1 : !sleeps ? -1 : (*entry_)->first.compare(head_->first);
    Place place{order <= 0 ? (*entry_)->first : head_->first, nullptr, nullptr};
    if (order <= 0) place.entry = &(*entry_++)->second;
    if (order >= 0) place.head = &(head_++)->second.head;
    return place;
  }

 private:
  const ShardRooms& here_;
  decltype(ShardRooms::rooms.end()) entry_;
  decltype(here_.sleeping.end()) head_;
};

// One call of List on one shard, between its slices.
struct RoomManager::Listing {
  // The last room that was looked at.
  std::string after;
  ListBudget page;
  std::shared_ptr<const Wanted> wanted;
  // The last of them may not fit on the page.
  std::vector<v1::Room> rooms;
};

void RoomManager::List(std::string after, size_t count, Wanted wanted,
                       absl::AnyInvocable<void(ListPage<v1::Room>)> done) {
  Gather<v1::Room>(
      shards_,
      [this, after = std::move(after), count, wanted = std::make_shared<const Wanted>(std::move(wanted))](int shard,
                                                                                                          auto answer) {
        ListOn(shard, {after, PageOf(count), wanted, {}}, std::move(answer));
      },
      [count, done = std::move(done)](std::vector<v1::Room> rooms) mutable {
        done(FirstPage(std::move(rooms), count));
      });
}

void RoomManager::ListOn(int shard, Listing listing, Gathered<v1::Room> answer) {
  InSlices(shard, [this, shard, listing = std::move(listing), answer = std::move(answer)]() mutable {
    if (ListSome(shard, listing)) return true;
    WhenAllStored(
        shard, [rooms = std::move(listing.rooms), answer = std::move(answer)]() mutable { answer(std::move(rooms)); });
    return false;
  });
}

// Returns false when the page is full, or there are no more rooms.
bool RoomManager::ListSome(int shard, Listing& listing) const {
  const Wanted& wanted = *listing.wanted;
  Walk walk(*rooms_[shard], listing.after);
  for (ListBudget slice = OneSlice();;) {
    const std::optional<Walk::Place> place = walk.Next();
    if (!place) return false;
    size_t bytes = 0;
    const bool in_memory = place->entry != nullptr && place->entry->shown();
    const bool hidden = (in_memory && !wanted.unlisted && !place->entry->room->listed()) ||
                        (wanted.may_see && !wanted.may_see(place->id));
    if (!hidden && (in_memory || place->head != nullptr)) {
      v1::Room room = in_memory ? place->entry->room->Describe() : SleepingRooms::Read(*place->head);
      bytes = room.ByteSizeLong();
      if ((wanted.unlisted || !room.unlisted()) && (!wanted.matches || wanted.matches(room))) {
        if (!wanted.metadata) room.clear_metadata();
        listing.rooms.push_back(std::move(room));
        if (!listing.page.Take(listing.rooms.back().ByteSizeLong())) return false;
      }
    }
    if (slice.Take(bytes)) continue;
    listing.after = place->id;
    return true;
  }
}

bool RoomManager::ListMore(int shard, std::string& after, std::vector<ListedRoom>& listed) const {
  Walk walk(*rooms_[shard], after);
  for (ListBudget slice = OneSlice();;) {
    const std::optional<Walk::Place> place = walk.Next();
    if (!place) return false;
    std::optional<ListedRoom> room = FindListed(shard, place->id);
    const size_t bytes = room ? JsonSize(room->metadata) : 0;
    if (room) listed.push_back(*std::move(room));
    if (slice.Take(bytes)) continue;
    after = place->id;
    return true;
  }
}

std::optional<ListedRoom> RoomManager::FindListed(int shard, const std::string& room_id) const {
  const Entry* const entry = rooms_[shard]->rooms.Find(room_id);
  if (entry != nullptr && entry->shown()) {
    const Room& room = *entry->room;
    if (room.type() == nullptr || !room.listed()) return std::nullopt;
    return ListedRoom{.id = room_id, .metadata = room.Metadata()};
  }
  const std::optional<v1::Room> sleeping = rooms_[shard]->sleeping.Find(room_id);
  if (!sleeping || sleeping->unlisted()) return std::nullopt;
  google::protobuf::Value metadata;
  *metadata.mutable_struct_value() = sleeping->metadata();
  return ListedRoom{.id = room_id, .metadata = FromProtoValue(metadata)->get_object()};
}

}  // namespace atrium
