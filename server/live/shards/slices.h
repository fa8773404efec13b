#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>

#include "server/common/fifo.h"

namespace atrium {

class Shard;

// What brings frames to more readers of one shard than a turn allows, and so goes on in slices. Its methods are called
// on the shard that they name.
class Sliced {
 public:
  virtual ~Sliced() = default;
  // Goes on for `most` readers, from which it takes those that it has come to. Returns whether nothing is left.
  virtual bool DeliverSome(const Shard& shard, size_t& most) = 0;
  // Hands to one session or component now what is on its way to it.
  virtual void CatchUp(const Shard& shard, uint64_t key) = 0;
};

// The rooms of which frames have not come to all of their readers on one shard yet: each turn brings them to so many
// readers more, the rooms one after the other. It lives on the shard, which owns it.
class Slices {
 public:
  // So many readers get frames in one turn, of all rooms together.
  static constexpr size_t kReaders = 256;

  explicit Slices(Shard& shard) : shard_(shard) {}

  bool empty() const { return rooms_.empty(); }
  // Goes on with `room` from the next turn on, until that has nothing left.
  void Add(std::shared_ptr<Sliced> room);
  // Hands to these sessions and components what they have not got yet: something else is to follow that.
  void CatchUp(std::initializer_list<uint64_t> keys);

 private:
  void RunNextTurn();
  void Run();

  Shard& shard_;
  Fifo<std::shared_ptr<Sliced>> rooms_;
};

}  // namespace atrium
