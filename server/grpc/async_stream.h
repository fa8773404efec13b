#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <atomic>

#include "server/grpc/call_queue.h"

namespace atrium {

// One call that streams; `Calls` is gRPC's ServerAsyncWriter or ServerAsyncReaderWriter. It waits for a client first.
// It is told what happens on the shard of its queue, in gRPC's order; operations may be begun on any thread, one read
// and one write at a time. It owns itself until OnDone.
template <typename Calls>
class AsyncStream {
 public:
  AsyncStream(const AsyncStream&) = delete;
  AsyncStream& operator=(const AsyncStream&) = delete;

 protected:
  // After this, `Request...` of the service is to be called with context(), calls(), the queue and called(). If no
  // client has come when the server shuts down, the stream deletes itself.
  explicit AsyncStream(CallQueue& queue) : lease_(queue.lease()), calls_(&context_) {
    context_.AsyncNotifyWhenDone(&ended_);
  }
  virtual ~AsyncStream() = default;

  ::grpc::ServerContext& context() { return context_; }
  Calls& calls() { return calls_; }
  void* called() { return called_.tag(); }

  template <typename Message>
  void StartRead(Message* message) {
    pending_.fetch_add(1, std::memory_order_relaxed);
    calls_.Read(message, read_.tag());
  }
  // Begins a write; `message` is not used any more when this returns.
  template <typename Message>
  void StartWrite(const Message& message) {
    pending_.fetch_add(1, std::memory_order_relaxed);
    calls_.Write(message, written_.tag());
  }
  // Ends the call. It is called once, and no other operation is begun after it.
  void Finish(const ::grpc::Status& status) { calls_.Finish(status, finished_.tag()); }

  // Says that a client has called.
  virtual void OnCall() = 0;
  virtual void OnReadDone(bool /*ok*/) {}
  virtual void OnWriteDone(bool /*ok*/) {}
  // Says that the client is lost or has cancelled, or TryCancel was called: the stream is to be finished, if it is not
  // yet.
  virtual void OnCancel() {}
  // Says that gRPC uses the stream no more, which is then deleted.
  virtual void OnDone() = 0;

 private:
  void Called(bool ok) {
    if (ok) return OnCall();
    delete this;
  }
  void Read(bool ok) {
    OnReadDone(ok);
    Release();
  }
  void Written(bool ok) {
    OnWriteDone(ok);
    Release();
  }
  void Finished(bool /*ok*/) { Release(); }
  void Ended(bool /*ok*/) {
    if (context_.IsCancelled()) OnCancel();
    Release();
  }
  void Release() {
    if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) OnDone();
  }

  const CallQueue::Lease lease_;
  ::grpc::ServerContext context_;
  Calls calls_;
  // So much is still to be told: that the call has ended, that Finish is done, and each operation under way.
  std::atomic<int> pending_ = 2;
  CompletionOf<AsyncStream, &AsyncStream::Called> called_{*this};
  CompletionOf<AsyncStream, &AsyncStream::Read> read_{*this};
  CompletionOf<AsyncStream, &AsyncStream::Written> written_{*this};
  CompletionOf<AsyncStream, &AsyncStream::Finished> finished_{*this};
  CompletionOf<AsyncStream, &AsyncStream::Ended> ended_{*this};
};

}  // namespace atrium
