#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/common/fifo.h"
#include "server/common/steady_time.h"
#include "server/live/rooms/room_record.pb.h"
#include "server/wire/payload.h"

namespace atrium {

// The answers of one room to requests with an idempotency key. A request that comes again is answered again and not
// done again. Errors are not kept, so that what failed may be tried again. It lives on the room's shard.
class Idempotency {
 public:
  // It keeps at most so many answers, and each for so long.
  static constexpr size_t kMost = 10'000;
  static constexpr absl::Duration kAge = absl::Minutes(5);

  // The methods whose requests may have a key.
  enum class Method { kCall, kEmit, kSendMessage, kSetState };

  // What a request is named by: who asks, by which method, and with which key.
  struct Name {
    absl::string_view subject;
    Method method;
    absl::string_view key;
  };
  // Returns the name as it is stored.
  static std::string StoredKey(const Name& name);
  // Returns a BLAKE2b hash of a request's body, which tells whether another is the same request, in whatever order the
  // keys of objects come.
  static std::string Fingerprint(absl::string_view body, const json::value& payload);

  struct Answer {
    // This is a serialised message.
    std::string response;
    Payload payload;
  };
  using Done = absl::AnyInvocable<void(absl::StatusOr<Answer>)>;

  // Returns whether the request is to be done, and then to be ended by Finish. If not, `done` gets its answer: at once,
  // or later while the request is being done. The answer is INVALID_ARGUMENT if the subject used the key for another
  // request, by whatever method.
  bool Claim(const Name& name, const std::string& fingerprint, SteadyTime now, Done& done);

  // Says that the request of this StoredKey has been done, which answers whoever asked for it meanwhile. Returns what
  // is to be stored, if it did not fail.
  std::optional<StoredAnswer> Finish(const std::string& key, const absl::StatusOr<Answer>& answer, const Moment& now);

  // Takes back an answer that was stored; the oldest comes first.
  void Restore(StoredAnswer answer, const Moment& now);
  void ForEach(SteadyTime now, const std::function<void(const StoredAnswer&)>& visit);

 private:
  struct Entry {
    // It has no response while the request is being done.
    StoredAnswer stored;
    bool done = false;
    // It was done at this time.
    SteadyTime time;
    std::vector<Done> waiting;
  };

  // Returns whether the subject used the key with another method.
  bool HasOtherMethod(const Name& name) const;
  void Trim(SteadyTime now);

  // The keys are those that are stored.
  absl::flat_hash_map<std::string, Entry> entries_;
  // These are the keys of the requests that are done, the oldest first.
  Fifo<std::string> order_;
};

}  // namespace atrium
