#include "server/probes.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace atrium {
namespace {

// A shard that does not come to a task within this time hangs: the longest work that is allowed to hold one up is that
// of a slow step, which the log names after 100 ms.
constexpr absl::Duration kHeartbeat = absl::Seconds(5);

HttpResponse Answer(absl::string_view fault) {
  return PlainText(fault.empty() ? 200 : 503, std::string(fault.empty() ? "ok" : fault));
}

// Waits for all shards; it is used on the one where it was asked.
struct Heartbeats {
  size_t missing;
  HttpDone done;
  Shard::TimerId deadline = 0;
};

}  // namespace

void Probes::SetServing(AcceptProbe grpc) {
  grpc_ = std::move(grpc);
  serving_ = true;
}

IoShard& Probes::ThisShard() const {
  return **std::find_if(shards_.begin(), shards_.end(), [](const auto& shard) { return shard->IsCurrent(); });
}

void Probes::Live(HttpDone done) const {
  IoShard& here = ThisShard();
  auto beats = std::make_shared<Heartbeats>(Heartbeats{.missing = shards_.size(), .done = std::move(done)});
  beats->deadline = here.After(kHeartbeat, [beats] {
    if (beats->missing > 0)
      beats->done(Answer(absl::StrCat(std::exchange(beats->missing, 0), " shards do not answer")));
  });
  for (const auto& shard : shards_) {
    shard->Post([&here, beats]() mutable {
      here.Post([&here, beats = std::move(beats)] {
        if (beats->missing == 0 || --beats->missing > 0) return;
        here.Cancel(beats->deadline);
        beats->done(Answer(""));
      });
    });
  }
}

void Probes::Ready(HttpDone done) const {
  if (!serving_) return done(Answer("starting"));
  if (draining_) return done(Answer("draining"));
  if (!storing_) return done(Answer("durable rooms cannot be stored"));
  grpc_->Run(ThisShard(), [done = std::move(done)](bool accepts) mutable {
    done(Answer(accepts ? "" : "the gRPC port does not accept connections"));
  });
}

void Probes::Started(HttpDone done) const { done(Answer(serving_ ? "" : "starting")); }

}  // namespace atrium
