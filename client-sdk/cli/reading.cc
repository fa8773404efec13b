// Commands that show what is there.

#include <iostream>

#include "absl/strings/str_cat.h"
#include "client-sdk/cli/commands.h"
#include "client-sdk/cli/format.h"
#include "client-sdk/cli/json.h"
#include "client-sdk/cli/rpc.h"

namespace atrium::cli {

absl::Status ShowHistory(const Invocation& invocation) {
  v1::GetHistoryRequest request;
  request.set_room_id(invocation.arguments[0]);
  request.set_page_size(1000);
  if (invocation.has("since")) {
    auto since = ReadPosition("--since", invocation.flag<std::string>("since"));
    if (!since.ok()) return BadUsage(since.status().message());
    *request.mutable_since() = *std::move(since);
  }
  Rpc rpc(invocation.address, invocation.credentials);
  do {
    const auto page = rpc.Ask(&v1::RoomService::Stub::GetHistory, request);
    if (!page.ok()) return page.status();
    for (const v1::ServerFrame& frame : page->frames()) {
      std::cout << (invocation.json ? ToJson(frame) : Text(frame, page->position().epoch())) << "\n";
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

absl::Status Rooms(const Invocation& invocation) {
  v1::ListRoomsRequest request;
  request.set_page_size(1000);
  if (invocation.has("filter")) request.set_filter(invocation.flag<std::string>("filter"));
  if (invocation.flag<bool>("all")) {
    // Unlisted rooms are shown to a filter that names `unlisted`.
    const std::string all = "(unlisted = true OR unlisted = false)";
    request.set_filter(request.filter().empty() ? all : absl::StrCat("(", request.filter(), ") AND ", all));
  }
  Rpc rpc(invocation.address, invocation.credentials);
  v1::ListRoomsResponse rooms;
  do {
    auto page = rpc.Ask(&v1::RoomService::Stub::ListRooms, request);
    if (!page.ok()) return page.status();
    if (invocation.json) {
      for (const v1::Room& room : page->rooms()) std::cout << ToJson(room) << "\n";
    }
    rooms.mutable_rooms()->MergeFrom(page->rooms());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  if (!invocation.json) std::cout << Text(rooms);
  return absl::OkStatus();
}

absl::Status Stats(const Invocation& invocation) {
  Rpc rpc(invocation.address, invocation.credentials);
  const auto stats = rpc.Ask(&v1::RoomService::Stub::GetStats, v1::GetStatsRequest());
  if (!stats.ok()) return stats.status();
  std::cout << (invocation.json ? ToJson(*stats) + "\n" : Text(*stats));
  return absl::OkStatus();
}

}  // namespace atrium::cli
