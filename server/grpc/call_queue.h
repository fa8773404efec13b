#pragma once

#include <grpcpp/completion_queue.h>

#include <memory>
#include <semaphore>
#include <thread>

#include "server/access/authenticator.h"
#include "server/grpc/large_answers.h"
#include "server/live/shards/io_shard.h"

namespace atrium {

// An operation on a CallQueue is begun with one of these, which is told when the operation is done.
class Completion {
 public:
  // Runs on the queue's shard, with the `ok` that gRPC gives for the operation.
  virtual void Run(bool ok) = 0;

  // Returns what gRPC takes to begin the operation, and gives back with its event.
  void* tag() { return this; }

 protected:
  ~Completion() = default;
};

// A member of `Owner` that has one of its methods called, for an owner with several kinds of operations.
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
  // `authenticator` and `large_answers` are shared by all queues and outlive them.
  CallQueue(IoShard& shard, std::unique_ptr<::grpc::ServerCompletionQueue> queue, const Authenticator& authenticator,
            LargeAnswers& large_answers);
  // Shuts the queue down if it was started.
  ~CallQueue();

  void Start();
  // Returns when all leases are gone and the last event has been told. It is called off the shard, which still runs,
  // when the gRPC server has been shut down.
  void Shutdown();

  ::grpc::ServerCompletionQueue* queue() { return queue_.get(); }
  const Authenticator& authenticator() const { return authenticator_; }
  LargeAnswers& large_answers() { return large_answers_; }

  // Whoever may begin an operation holds one of these, because a queue that is shut down takes none. It is asked for on
  // the shard, or before Start.
  using Lease = std::shared_ptr<const void>;
  const Lease& lease() const { return lease_; }

 private:
  // Waits for events, on a thread of its own.
  void Wait();
  // Tells what has happened, on the shard. Returns false if it has given the queue back to the thread that waits.
  bool Poll();

  IoShard& shard_;
  const std::unique_ptr<::grpc::ServerCompletionQueue> queue_;
  const Authenticator& authenticator_;
  LargeAnswers& large_answers_;
  Lease lease_;
  // The thread that waits takes this when it may have the queue.
  std::binary_semaphore may_wait_{1};
  std::thread thread_;
};

}  // namespace atrium
