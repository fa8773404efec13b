#include "server/live/shards/slices.h"

#include <utility>

#include "server/live/shards/shard.h"

namespace atrium {

void Slices::Add(std::shared_ptr<Sliced> room) {
  rooms_.push_back(std::move(room));
  if (rooms_.size() == 1) RunNextTurn();
}

void Slices::CatchUp(std::initializer_list<uint64_t> keys) {
  for (const std::shared_ptr<Sliced>& room : rooms_) {
    for (const uint64_t key : keys) room->CatchUp(shard_, key);
  }
}

void Slices::RunNextTurn() {
  shard_.NextTurn([this] { Run(); });
}

void Slices::Run() {
  size_t left = kReaders;
  while (left > 0 && !rooms_.empty()) {
    const std::shared_ptr<Sliced> room = std::move(rooms_.front());
    rooms_.pop_front();
    if (!room->DeliverSome(shard_, left)) rooms_.push_back(room);
  }
  if (!rooms_.empty()) RunNextTurn();
}

}  // namespace atrium
