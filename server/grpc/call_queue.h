#pragma once

#include <grpcpp/completion_queue.h>

#include <memory>
#include <semaphore>
#include <thread>

#include "server/live/io_shard.h"

namespace atrium {

// What an operation on a CallQueue is begun with, and what is told when that is done.
class Completion {
 public:
  // On the queue's shard; `ok` as gRPC says of the operation.
  virtual void Run(bool ok) = 0;

  // As gRPC wants it, and gives it back.
  void* tag() { return this; }

 protected:
  ~Completion() = default;
};

// A part of what is told.
template <typename Owner, void (Owner::*kHandler)(bool ok)>
class CompletionOf final : public Completion {
 public:
  explicit CompletionOf(Owner& owner) : owner_(owner) {}
  void Run(bool ok) override { (owner_.*kHandler)(ok); }

 private:
  Owner& owner_;
};

// The gRPC calls of one shard.
//
// While there are events the shard looks at gRPC's completion queue in each turn, and gRPC reads and writes sockets
// there, on the shard's thread: no call waits for another thread, and no thread contends for a connection. When there
// are none, a thread of this queue waits in gRPC for the next, and gives that and the queue back to the shard.
class CallQueue {
 public:
  CallQueue(IoShard& shard, std::unique_ptr<::grpc::ServerCompletionQueue> queue);
  // Shuts it down if it was started.
  ~CallQueue();

  void Start();
  // Returns when all leases are gone and the last event has been told. The gRPC server has been shut down, and the
  // shard still runs. Not on the shard.
  void Shutdown();

  ::grpc::ServerCompletionQueue* queue() { return queue_.get(); }

  // Whoever may begin an operation holds one of these: a queue that is shut down takes none. On the shard, or before
  // Start.
  using Lease = std::shared_ptr<const void>;
  const Lease& lease() const { return lease_; }

 private:
  // On the thread that waits.
  void Wait();
  // On the shard. False if it has given the queue to the thread that waits.
  bool Poll();

  IoShard& shard_;
  const std::unique_ptr<::grpc::ServerCompletionQueue> queue_;
  Lease lease_;
  // The thread may wait: it has the queue.
  std::binary_semaphore may_wait_{1};
  std::thread thread_;
};

}  // namespace atrium
