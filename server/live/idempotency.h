#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/common/fifo.h"
#include "server/live/room_record.pb.h"
#include "server/wire/payload.h"

namespace atrium {

// The answers of one room to requests with an idempotency key: a request that comes again is answered again, not done
// again. Errors are not kept: then it may be tried again. On the room's shard.
class Idempotency {
 public:
  // So many at most, so long at most.
  static constexpr size_t kMost = 10'000;
  static constexpr absl::Duration kAge = absl::Minutes(5);

  // Of a request: who asks, which method, and the key that it gave.
  static std::string Key(absl::string_view subject, absl::string_view method, absl::string_view key);
  // Of its body, by BLAKE2b: tells whether it is the same request, in whatever order the keys of objects come.
  static std::string Fingerprint(absl::string_view body, const json::value& payload);

  struct Answer {
    std::string response;  // serialised
    Payload payload;
  };
  using Done = absl::AnyInvocable<void(absl::StatusOr<Answer>)>;

  // Whether the request is to be done, and then be ended by Finish. Else `done` has its answer: now, or, while it is
  // being done, later. INVALID_ARGUMENT: the key was another request's.
  bool Begin(const std::string& key, const std::string& fingerprint, absl::Time now, Done& done);

  // It has been done: whoever asked for it meanwhile is answered. Returns what is to be stored, if it did not fail.
  absl::optional<StoredAnswer> Finish(const std::string& key, const absl::StatusOr<Answer>& answer, absl::Time now);

  // As it was stored, oldest first.
  void Restore(StoredAnswer answer);
  void ForEach(absl::Time now, const std::function<void(const StoredAnswer&)>& visit);

 private:
  struct Entry {
    // Without a response while it is being done.
    StoredAnswer stored;
    bool done = false;
    std::vector<Done> waiting;
  };

  void Trim(absl::Time now);

  absl::flat_hash_map<std::string, Entry> entries_;
  // The keys of those that are done, oldest first.
  Fifo<std::string> order_;
};

}  // namespace atrium
