#include "server/session/turn_end_writers.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "server/live/shards/on_shard.h"
#include "server/session/connection.h"

namespace atrium {
namespace {

// So many connections write at the end of a turn.
constexpr size_t kWritersPerTurn = 256;

}  // namespace

void TurnEndWriters::Add(std::shared_ptr<Connection> connection) {
  ATRIUM_ON_SHARD(shard_);
  waiting_.push_back(std::move(connection));
  if (waiting_.size() == 1) shard_.AtTurnEnd([this] { Run(); });
}

void TurnEndWriters::Run() {
  // A connection that closes here ends its session; what that sends to others goes out later.
  writing_.swap(waiting_);
  const size_t count = std::min(writing_.size(), kWritersPerTurn);
  for (size_t i = 0; i < count; ++i) writing_[i]->AtTurnEnd();
  const auto rest = writing_.begin() + static_cast<std::ptrdiff_t>(count);
  if (rest != writing_.end()) {
    if (waiting_.empty()) {
      shard_.Post([this] { shard_.AtTurnEnd([this] { Run(); }); });
    }
    waiting_.insert(waiting_.begin(), std::make_move_iterator(rest), std::make_move_iterator(writing_.end()));
  }
  writing_.clear();
}

}  // namespace atrium
