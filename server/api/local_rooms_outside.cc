// The verbs of LocalRooms that look at a room from outside, or do something to the whole of it.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "server/api/answer.h"
#include "server/api/local_rooms.h"
#include "server/api/page_token.h"
#include "server/api/validate.h"

namespace atrium {
namespace {

// A page of a room's history. It is made a slice at a time, because frames have to be decoded.
class HistoryPage {
 public:
  // `frames` are one more than the page has, if there are so many.
  HistoryPage(const HistoryRequest& request, std::vector<FramePtr> frames, v1::Position position)
      : of_(HistoryOf(request.room_id, request.since)), frames_(std::move(frames)), page_(PageOf(request.page_size)) {
    *response_.message->mutable_position() = std::move(position);
  }

  // Returns false when the page is full, or there are no more frames.
  bool AddSome() {
    for (ListBudget slice = OneSlice(); next_ < frames_.size();) {
      v1::ServerFrame frame = DecodeServerFrame(*frames_[next_]);
      const size_t bytes = frame.ByteSizeLong();
      if (!page_.Take(bytes)) {
        v1::Position last = response_.message->position();
        last.set_offset(frames_[next_ - 1]->origin().offset);
        response_.message->set_next_page_token(MakePageToken({PagedList::Kind::kHistory, of_}, PositionText(last)));
        return false;
      }
      *response_.message->add_frames() = std::move(frame);
      ++next_;
      if (!slice.Take(bytes)) return true;
    }
    return false;
  }

  WithPayload<v1::GetHistoryResponse> Take() { return std::move(response_); }

 private:
  std::string of_;
  std::vector<FramePtr> frames_;
  size_t next_ = 0;
  ListBudget page_;
  WithPayload<v1::GetHistoryResponse> response_;
};

// Returns the first `count` members of a room after an id, in the order of their ids.
std::vector<const Member*> MembersAfter(const Room& room, const std::string& after, size_t count) {
  std::vector<const Member*> members;
  for (const auto& [id, member] : room.roster().members()) {
    if (id > after) members.push_back(&member);
  }
  const auto end = members.begin() + static_cast<std::ptrdiff_t>(std::min(count, members.size()));
  std::partial_sort(members.begin(), end, members.end(),
                    [](const Member* a, const Member* b) { return a->identity.id < b->identity.id; });
  members.erase(end, members.end());
  return members;
}

}  // namespace

void LocalRooms::GetHistory(HistoryRequest request, Done<v1::GetHistoryResponse>&& done) {
  const std::string room_id = request.room_id;
  WithRoom(room_id, std::move(done),
           [this, request = std::move(request)](Room& room, Done<v1::GetHistoryResponse>&& done) {
             absl::StatusOr<std::vector<FramePtr>> frames = room.GetHistory(request.start, request.page_size + 1);
             REFUSE_IF_ERROR(frames.status(), done);
             auto decode = [this, room_id = request.room_id,
                            done = std::move(done)](absl::StatusOr<HistoryPage> stored) mutable {
               REFUSE_IF_ERROR(stored.status(), done);
               rooms_.InSlices(room_id, [page = *std::move(stored), done = std::move(done)]() mutable {
                 if (page.AddSome()) return true;
                 done(page.Take());
                 return false;
               });
             };
             Answer(room, std::move(decode), HistoryPage(request, *std::move(frames), room.position()));
           });
}

void LocalRooms::GetRoom(const std::string& room_id, Done<v1::Room>&& done) {
  WithRoom(room_id, std::move(done), [](Room& room, Done<v1::Room>&& done) {
    Answer(room, std::move(done), WithPayload<v1::Room>{room.Describe()});
  });
}

void LocalRooms::ListMembers(const std::string& room_id, std::string after, size_t page_size,
                             Done<v1::ListMembersResponse>&& done) {
  WithRoom(room_id, std::move(done),
           [after = std::move(after), page_size](Room& room, Done<v1::ListMembersResponse>&& done) {
             WithPayload<v1::ListMembersResponse> response;
             ListBudget page = PageOf(page_size);
             // One more than the page tells whether there is a next one.
             for (const Member* member : MembersAfter(room, after, page_size + 1)) {
               v1::Member described = member->ToProto();
               auto& listed = *response.message->mutable_members();
               if (page.Take(described.ByteSizeLong())) {
                 listed.Add(std::move(described));
               } else {
                 response.message->set_next_page_token(
                     MakePageToken({PagedList::Kind::kMembers, room.id()}, listed[listed.size() - 1].id()));
                 break;
               }
             }
             Answer(room, std::move(done), std::move(response));
           });
}

void LocalRooms::UpdateRoom(const std::string& room_id, RoomUpdate update, Done<v1::Room>&& done) {
  WithRoom(room_id, std::move(done), [update = std::move(update)](Room& room, Done<v1::Room>&& done) mutable {
    room.Update(std::move(update));
    Answer(room, std::move(done), WithPayload<v1::Room>{room.Describe()});
  });
}

void LocalRooms::DestroyRoom(const std::string& room_id, Done<v1::DestroyRoomResponse>&& done) {
  rooms_.Destroy(room_id, [done = std::move(done)](const absl::Status& status) mutable {
    REFUSE_IF_ERROR(status, done);
    done(WithPayload<v1::DestroyRoomResponse>());
  });
}

}  // namespace atrium
