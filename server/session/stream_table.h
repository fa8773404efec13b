#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "server/api/caller.h"
#include "server/api/rpc_table.h"
#include "server/session/observer.h"

namespace atrium {

// Holds the methods that answer with a stream of ServerFrames, by their full name, for doors that know methods only
// from their descriptors. It is filled before serving, then constant: thread-safe.
class StreamTable {
 public:
  using MessagePtr = std::unique_ptr<google::protobuf::Message>;
  // Takes a request of the method's type. It is called on `shard`, where the observer then lives; `transport` must stay
  // until it is closed.
  using Method = absl::AnyInvocable<std::shared_ptr<Observer>(const Caller&, MessagePtr request, int shard, ReaderKind,
                                                              Observer::Transport& transport) const>;

  void Add(absl::string_view full_name, Method method) { methods_[full_name] = std::move(method); }

  // Returns null if there is no such method.
  const Method* Find(absl::string_view full_name) const {
    const auto it = methods_.find(full_name);
    return it == methods_.end() ? nullptr : &it->second;
  }

 private:
  absl::flat_hash_map<std::string, Method> methods_;
};

// Adds those of RoomService. `hubs` are those of all shards, in their order, and must outlive `streams`; they are
// filled in before the first call.
void AddRoomStreams(const std::vector<std::unique_ptr<SessionHub>>& hubs, StreamTable& streams);

}  // namespace atrium
