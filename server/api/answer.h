#pragma once

#include <optional>
#include <string>
#include <utility>

#include "server/api/caller.h"
#include "server/api/refuse.h"
#include "server/api/rpc_table.h"
#include "server/live/rooms/room.h"

namespace atrium {

// Gives `done` what a verb has found or done in a room, when all that the room has done is on disk; if that could not
// be written, it gives the error of Journal::WhenStored. It is called on the room's shard, where `done` runs.
template <typename Done, typename Result>
void Answer(Room& room, Done done, Result result) {
  if (room.storage().all_stored()) return done(std::move(result));
  room.storage().WhenStored([done = std::move(done), result = std::move(result)](const absl::Status& stored) mutable {
    if (!stored.ok()) return done(stored);
    done(std::move(result));
  });
}

// Runs a verb on a room once for each idempotency key, on the room's shard: `run(request, done)` does it, before this
// returns, and a request that comes again gets the answer of the first. Without a key it is just run. `run` calls its
// `done` as soon as it has changed the room, so that the answer is stored with the change; it is given when both are on
// disk. INVALID_ARGUMENT if the key was another request's, of this verb or another.
template <typename Request, typename Response, typename Run>
void Once(Room& room, const Caller& caller, Idempotency::Method method, WithPayload<Request>&& request,
          Done<Response> done, Run run) {
  const std::string& given = request.message->idempotency_key();
  if (given.empty()) {
    return run(std::move(request),
               Done<Response>([&room, done = std::move(done)](absl::StatusOr<WithPayload<Response>> response) mutable {
                 REFUSE_IF_ERROR(response.status(), done);
                 Answer(room, std::move(done), *std::move(response));
               }));
  }
  const std::string subject = caller.Subject();
  const Idempotency::Name name{.subject = subject, .method = method, .key = given};
  std::string key = Idempotency::StoredKey(name);
  const std::string fingerprint = Idempotency::Fingerprint(
      request.message->SerializeAsString(), request.payload.empty() ? json::value() : request.payload.ToJsonValue());
  Idempotency::Done again = [&room, done = std::move(done)](absl::StatusOr<Idempotency::Answer> answer) mutable {
    REFUSE_IF_ERROR(answer.status(), done);
    WithPayload<Response> response{.payload = std::move(answer->payload)};
    response.message->ParseFromString(answer->response);
    Answer(room, std::move(done), std::move(response));
  };
  const Moment now = room.shard().ThisMoment();
  if (!room.storage().idempotency().Claim(name, fingerprint, now.steady, again)) return;
  run(std::move(request), Done<Response>([&room, key = std::move(key), again = std::move(again),
                                          now](absl::StatusOr<WithPayload<Response>> response) mutable {
        absl::StatusOr<Idempotency::Answer> answer = Idempotency::Answer();
        if (response.ok()) {
          answer->response = response->message->SerializeAsString();
          answer->payload = std::move(response->payload);
        } else {
          answer = response.status();
        }
        std::optional<StoredAnswer> kept = room.storage().idempotency().Finish(key, answer, now);
        if (kept) room.storage().KeepAnswer(*std::move(kept));
        again(std::move(answer));
      }));
}

}  // namespace atrium
