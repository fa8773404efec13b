#include "server/session/stream_table.h"

#include "server/api/room_api.h"
#include "server/session/session_hub.h"

namespace atrium {

void AddRoomStreams(const std::vector<std::unique_ptr<SessionHub>>& hubs, StreamTable& streams) {
  streams.Add(FullName<kRoomVerbs>(RowOf<kRoomVerbs, Verb::kWatch>()),
              [&hubs](const Caller& caller, StreamTable::MessagePtr request, int shard, ReaderKind kind,
                      Observer::Transport& transport) {
                return hubs[shard]->Watch(caller, static_cast<const v1::WatchRequest&>(*request), kind, transport);
              });
}

}  // namespace atrium
