#pragma once

#include <string>
#include <utility>

#include "server/api/caller.h"
#include "server/api/refuse.h"
#include "server/api/rpc_table.h"
#include "server/live/room.h"

namespace atrium {

// Gives `done` what a verb has found or done in a room, when all of the room that it rests on is on disk; an error in
// its place if that could not be written.
template <typename Done, typename Result>
void Answer(Room& room, Done done, Result result) {
  if (room.all_stored()) return done(std::move(result));
  room.WhenStored([done = std::move(done), result = std::move(result)](const absl::Status& stored) mutable {
    if (!stored.ok()) return done(stored);
    done(std::move(result));
  });
}

// Runs a verb on a room once for each idempotency key: `run(request, done)` does it; a request that comes again gets
// the answer of the first. Without a key it is just run. `run` says what it has done as soon as it is: the answer is
// stored with that, and given when both are on disk; it begins before this returns. `method` tells the verbs apart.
template <typename Request, typename Response, typename Run>
void Once(Room& room, const Caller& caller, absl::string_view method, WithPayload<Request>&& request,
          Done<Response> done, Run run) {
  const std::string given = request.message->idempotency_key();
  if (given.empty()) {
    return run(std::move(request),
               Done<Response>([&room, done = std::move(done)](absl::StatusOr<WithPayload<Response>> response) mutable {
                 REFUSE_IF_ERROR(response.status(), done);
                 Answer(room, std::move(done), *std::move(response));
               }));
  }
  const std::string& subject = caller.user_id().empty() ? caller.session_id() : caller.user_id();
  std::string key = Idempotency::Key(subject, method, given);
  const std::string fingerprint = Idempotency::Fingerprint(
      request.message->SerializeAsString(), request.payload.empty() ? json::value() : request.payload.ToJsonValue());
  Idempotency::Done again = [&room, done = std::move(done)](absl::StatusOr<Idempotency::Answer> answer) mutable {
    REFUSE_IF_ERROR(answer.status(), done);
    WithPayload<Response> response{.payload = std::move(answer->payload)};
    response.message->ParseFromString(answer->response);
    Answer(room, std::move(done), std::move(response));
  };
  const absl::Time now = room.Now();
  if (!room.idempotency().Begin(key, fingerprint, now, again)) return;
  run(std::move(request), Done<Response>([&room, key = std::move(key), again = std::move(again),
                                          now](absl::StatusOr<WithPayload<Response>> response) mutable {
        absl::StatusOr<Idempotency::Answer> answer = Idempotency::Answer();
        if (response.ok()) {
          answer->response = response->message->SerializeAsString();
          answer->payload = std::move(response->payload);
        } else {
          answer = response.status();
        }
        absl::optional<StoredAnswer> kept = room.idempotency().Finish(key, answer, now);
        if (kept) room.KeepAnswer(*std::move(kept));
        again(std::move(answer));
      }));
}

}  // namespace atrium
