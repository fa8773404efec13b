// The verbs of RoomApi that look at rooms from outside: find, list, describe, update, destroy.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/answer.h"
#include "server/api/refuse.h"
#include "server/api/room_api.h"
#include "server/api/room_filter.h"
#include "server/api/validate.h"
#include "server/common/status_macros.h"
#include "server/live/room_errors.h"
#include "server/live/room_id.h"

namespace atrium {
namespace {

constexpr size_t kMaxStatsRooms = 1000;

v1::RoomType Describe(const RoomTypeInfo& info, const RoomSettings& settings) {
  v1::RoomType type;
  type.set_name(info.name);
  type.set_max_members(info.options.max_members);
  *type.mutable_empty_ttl() = ToDuration(info.options.empty_ttl.value_or(settings.empty_ttl));
  *type.mutable_hook_deadline() = ToDuration(info.options.hook_deadline);
  type.set_unlisted(!info.options.listed);
  *type.mutable_patch_interval() = ToDuration(info.options.patch_interval);
  *type.mutable_presence_interval() = ToDuration(info.options.presence_interval);
  type.set_presence_list_limit(info.options.presence_list_limit);
  const HistoryLimits& history = info.options.history ? *info.options.history : settings.history;
  type.set_durable(info.options.durable);
  type.set_history_frames(history.frames);
  type.set_history_bytes(static_cast<int64_t>(history.bytes));
  *type.mutable_history_age() = ToDuration(history.age);
  *type.mutable_resume_window() = ToDuration(info.options.resume_window.value_or(settings.resume_window));
  type.set_slow_policy(info.options.slow_policy == SlowPolicy::kCoalesce ? v1::SLOW_POLICY_COALESCE
                                                                         : v1::SLOW_POLICY_DISCONNECT);
  for (const auto& [name, method] : info.methods) {
    v1::RoomType::Method& described = *type.add_methods();
    described.set_name(name);
    described.set_request_type(method.request->full_name());
    described.set_response_type(method.response->full_name());
    described.set_from_members(method.access == Access::kMember);
  }
  for (const auto& [name, event] : info.events) {
    v1::RoomType::Event& described = *type.add_events();
    described.set_name(name);
    described.set_data_type(event.data->full_name());
    described.set_from_members(event.from_members);
  }
  return type;
}

}  // namespace

void RoomApi::GetRoom(const Caller&, WithPayload<v1::GetRoomRequest> request, Done<v1::Room> done) {
  std::string room_id = request.message->room_id();
  REFUSE_IF_ERROR(ValidateRoomId("roomId", room_id), done);
  rooms_.Find(room_id, [room_id, done = std::move(done)](absl::StatusOr<Room*> found) mutable {
    REFUSE_IF_ERROR(found.status(), done);
    Room* const room = *found;
    if (room == nullptr) return done(RoomNotFound(room_id));
    Answer(*room, std::move(done), WithPayload<v1::Room>{room->Describe()});
  });
}

namespace {

// Frames behind it: of the page before, else as asked for.
absl::StatusOr<absl::optional<v1::Position>> HistoryStart(const v1::GetHistoryRequest& request) {
  if (request.page_token().empty()) {
    return request.has_since() ? absl::make_optional(request.since()) : absl::optional<v1::Position>();
  }
  ASSIGN_OR_RETURN(const std::string last, ReadPageToken(request.page_token()));
  absl::StatusOr<v1::Position> position = ReadPosition("pageToken", last);
  if (position.ok()) return absl::make_optional(*std::move(position));
  return InvalidField("pageToken", "must be a nextPageToken of an earlier answer");
}

}  // namespace

void RoomApi::GetHistory(const Caller&, WithPayload<v1::GetHistoryRequest> request, Done<v1::GetHistoryResponse> done) {
  const std::string& room_id = request.message->room_id();
  REFUSE_IF_ERROR(ValidateRoomId("roomId", room_id), done);
  const absl::StatusOr<size_t> size = PageSize(request.message->page_size());
  REFUSE_IF_ERROR(size.status(), done);
  absl::StatusOr<absl::optional<v1::Position>> since = HistoryStart(*request.message);
  REFUSE_IF_ERROR(since.status(), done);
  rooms_.Find(room_id, [room_id, size = *size, since = *std::move(since),
                        done = std::move(done)](absl::StatusOr<Room*> found) mutable {
    REFUSE_IF_ERROR(found.status(), done);
    Room* const room = *found;
    if (room == nullptr) return done(RoomNotFound(room_id));
    // One more than the page tells whether there is a next one.
    absl::StatusOr<std::vector<FramePtr>> frames = room->GetHistory(since, size + 1);
    REFUSE_IF_ERROR(frames.status(), done);
    WithPayload<v1::GetHistoryResponse> response;
    *response.message->mutable_position() = room->position();
    if (frames->size() > size) {
      frames->resize(size);
      v1::Position last = room->position();
      last.set_offset(frames->back()->origin().offset);
      response.message->set_next_page_token(MakePageToken(PositionText(last)));
    }
    for (const FramePtr& frame : *frames) *response.message->add_frames() = DecodeServerFrame(*frame);
    Answer(*room, std::move(done), std::move(response));
  });
}

void RoomApi::ListRooms(const Caller&, WithPayload<v1::ListRoomsRequest> request, Done<v1::ListRoomsResponse> done) {
  const absl::StatusOr<size_t> size = PageSize(request.message->page_size());
  REFUSE_IF_ERROR(size.status(), done);
  const absl::StatusOr<std::string> after = ReadPageToken(request.message->page_token());
  REFUSE_IF_ERROR(after.status(), done);
  absl::StatusOr<RoomFilter> filter = ParseRoomFilter(request.message->filter());
  REFUSE_IF_ERROR(filter.status(), done);
  RoomManager::Wanted wanted{.unlisted = filter->names_unlisted};
  if (!filter->matches_all) wanted.matches = std::move(filter->matches);
  // One more than the page tells whether there is a next one.
  rooms_.List(*after, *size + 1, std::move(wanted),
              [size = *size, done = std::move(done)](std::vector<v1::Room> rooms) mutable {
                WithPayload<v1::ListRoomsResponse> response;
                if (rooms.size() > size) {
                  rooms.resize(size);
                  response.message->set_next_page_token(MakePageToken(rooms.back().id()));
                }
                response.message->mutable_rooms()->Add(rooms.begin(), rooms.end());
                done(std::move(response));
              });
}

void RoomApi::ListMembers(const Caller&, WithPayload<v1::ListMembersRequest> request,
                          Done<v1::ListMembersResponse> done) {
  std::string room_id = request.message->room_id();
  REFUSE_IF_ERROR(ValidateRoomId("roomId", room_id), done);
  const absl::StatusOr<size_t> size = PageSize(request.message->page_size());
  REFUSE_IF_ERROR(size.status(), done);
  const absl::StatusOr<std::string> after = ReadPageToken(request.message->page_token());
  REFUSE_IF_ERROR(after.status(), done);
  rooms_.Find(room_id,
              [room_id, size = *size, after = *after, done = std::move(done)](absl::StatusOr<Room*> found) mutable {
                REFUSE_IF_ERROR(found.status(), done);
                Room* const room = *found;
                if (room == nullptr) return done(RoomNotFound(room_id));
                std::vector<const Member*> members;
                for (const auto& [id, member] : room->members()) {
                  if (id > after) members.push_back(&member);
                }
                std::sort(members.begin(), members.end(),
                          [](const Member* a, const Member* b) { return a->identity.id < b->identity.id; });
                WithPayload<v1::ListMembersResponse> response;
                if (members.size() > size) {
                  members.resize(size);
                  response.message->set_next_page_token(MakePageToken(members.back()->identity.id));
                }
                for (const Member* member : members) *response.message->add_members() = member->ToProto();
                Answer(*room, std::move(done), std::move(response));
              });
}

void RoomApi::UpdateRoom(const Caller&, WithPayload<v1::UpdateRoomRequest> request, Done<v1::Room> done) {
  constexpr size_t kMaxMetadataBytes = 4096;
  const v1::UpdateRoomRequest& message = *request.message;
  REFUSE_IF_ERROR(ValidateRoomId("roomId", message.room_id()), done);
  RoomUpdate update;
  if (message.has_locked()) update.locked = message.locked();
  if (message.has_unlisted()) update.unlisted = message.unlisted();
  if (message.has_metadata()) {
    absl::StatusOr<json::object> metadata = ToJsonObject("metadata", message.metadata());
    REFUSE_IF_ERROR(metadata.status(), done);
    if (JsonSize(*metadata) > kMaxMetadataBytes) {
      return done(InvalidField("metadata", absl::StrCat("must have at most ", kMaxMetadataBytes, " bytes as JSON")));
    }
    update.metadata = *std::move(metadata);
  }
  rooms_.Find(message.room_id(), [room_id = message.room_id(), update = std::move(update),
                                  done = std::move(done)](absl::StatusOr<Room*> found) mutable {
    REFUSE_IF_ERROR(found.status(), done);
    Room* const room = *found;
    if (room == nullptr) return done(RoomNotFound(room_id));
    room->Update(std::move(update));
    Answer(*room, std::move(done), WithPayload<v1::Room>{room->Describe()});
  });
}

void RoomApi::DestroyRoom(const Caller&, WithPayload<v1::DestroyRoomRequest> request,
                          Done<v1::DestroyRoomResponse> done) {
  REFUSE_IF_ERROR(ValidateRoomId("roomId", request.message->room_id()), done);
  rooms_.Destroy(request.message->room_id(), [done = std::move(done)](const absl::Status& status) mutable {
    REFUSE_IF_ERROR(status, done);
    done(WithPayload<v1::DestroyRoomResponse>());
  });
}

void RoomApi::ListRoomTypes(const Caller&, WithPayload<v1::ListRoomTypesRequest>,
                            Done<v1::ListRoomTypesResponse> done) {
  WithPayload<v1::ListRoomTypesResponse> response;
  for (const auto& type : rooms_.registry().types())
    *response.message->add_room_types() = Describe(*type, rooms_.settings());
  std::sort(response.message->mutable_room_types()->begin(), response.message->mutable_room_types()->end(),
            [](const v1::RoomType& a, const v1::RoomType& b) { return a.name() < b.name(); });
  done(std::move(response));
}

void RoomApi::GetStats(const Caller&, WithPayload<v1::GetStatsRequest>, Done<v1::GetStatsResponse> done) {
  rooms_.List("", kMaxStatsRooms, {}, [this, done = std::move(done)](std::vector<v1::Room> rooms) mutable {
    WithPayload<v1::GetStatsResponse> response;
    response.message->set_success(true);
    v1::RoomStats& stats = *response.message->mutable_rooms();
    stats.set_total_rooms(static_cast<int32_t>(rooms_.room_count()));
    for (const v1::Room& room : rooms) {
      v1::RoomStats::Entry& entry = (*stats.mutable_rooms())[room.id()];
      entry.set_members(room.member_count());
      *entry.mutable_created_at() = room.create_time();
      *entry.mutable_last_activity() = room.last_activity_time();
    }
    done(std::move(response));
  });
}

}  // namespace atrium
