// The verbs of RoomApi that ask for all rooms, or for their types.

#include <algorithm>
#include <utility>

#include "server/api/page_token.h"
#include "server/api/refuse.h"
#include "server/api/room_api.h"
#include "server/api/room_filter.h"
#include "server/api/validate.h"

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
    if (method.request != nullptr) described.set_request_type(method.request->full_name());
    if (method.response != nullptr) described.set_response_type(method.response->full_name());
    described.set_from_members(method.access == Access::kMember);
  }
  for (const auto& [name, event] : info.events) {
    v1::RoomType::Event& described = *type.add_events();
    described.set_name(name);
    if (event.data != nullptr) described.set_data_type(event.data->full_name());
    described.set_from_members(event.from_members);
  }
  return type;
}

}  // namespace

void RoomApi::ListRooms(const Caller& caller, WithPayload<v1::ListRoomsRequest> request,
                        Done<v1::ListRoomsResponse> done) {
  const absl::StatusOr<size_t> size = PageSize(request.message->page_size());
  REFUSE_IF_ERROR(size.status(), done);
  const absl::StatusOr<std::string> after =
      ReadPageToken({PagedList::Kind::kRooms, request.message->filter()}, request.message->page_token());
  REFUSE_IF_ERROR(after.status(), done);
  absl::StatusOr<RoomFilter> filter = ParseRoomFilter(request.message->filter());
  REFUSE_IF_ERROR(filter.status(), done);
  RoomManager::Wanted wanted{.unlisted = filter->names_unlisted};
  if (!filter->matches_all) wanted.matches = std::move(filter->matches);
  if (caller.is_client()) {
    wanted.unlisted = false;
    wanted.may_see = [this, caller](const std::string& room_id) { return authorizer_.MayList(caller, room_id); };
  }
  auto answer = [text = request.message->filter(), done = std::move(done)](ListPage<v1::Room> page) mutable {
    WithPayload<v1::ListRoomsResponse> response;
    if (page.more) {
      response.message->set_next_page_token(MakePageToken({PagedList::Kind::kRooms, text}, page.elements.back().id()));
    }
    for (v1::Room& room : page.elements) response.message->mutable_rooms()->Add(std::move(room));
    done(std::move(response));
  };
  rooms_.List(*after, *size, std::move(wanted), std::move(answer));
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
  rooms_.List("", kMaxStatsRooms, {.metadata = false},
              [this, done = std::move(done)](const ListPage<v1::Room>& page) mutable {
                WithPayload<v1::GetStatsResponse> response;
                response.message->set_success(true);
                v1::RoomStats& stats = *response.message->mutable_rooms();
                stats.set_total_rooms(static_cast<int32_t>(rooms_.room_count()));
                for (const v1::Room& room : page.elements) {
                  v1::RoomStats::Entry& entry = (*stats.mutable_rooms())[room.id()];
                  entry.set_members(room.member_count());
                  *entry.mutable_created_at() = room.create_time();
                  *entry.mutable_last_activity() = room.last_activity_time();
                }
                done(std::move(response));
              });
}

}  // namespace atrium
