#pragma once

#include <memory>
#include <vector>

#include "server/live/shards/shard.h"

namespace atrium {

class Connection;

// The connections of one shard that have something to write at the end of the turn. Runs on the shard.
class TurnEndWriters {
 public:
  explicit TurnEndWriters(Shard& shard) : shard_(shard) {}

  // Has Connection::AtTurnEnd run at the end of this turn, or of a later one when very many write.
  void Add(std::shared_ptr<Connection> connection);

 private:
  void Run();

  Shard& shard_;
  std::vector<std::shared_ptr<Connection>> waiting_;
  // These write just now; it is empty otherwise.
  std::vector<std::shared_ptr<Connection>> writing_;
};

}  // namespace atrium
