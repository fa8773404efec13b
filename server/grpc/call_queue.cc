#include "server/grpc/call_queue.h"

#include <chrono>

namespace atrium {
namespace {

// So many events may be told before the tasks get their turn, or as this time allows.
constexpr int kEventsPerTurn = 64;
constexpr std::chrono::microseconds kSlice(500);

}  // namespace

CallQueue::CallQueue(IoShard& shard, std::unique_ptr<::grpc::ServerCompletionQueue> queue,
                     const Authenticator& authenticator, LargeAnswers& large_answers)
    : shard_(shard),
      queue_(std::move(queue)),
      authenticator_(authenticator),
      large_answers_(large_answers),
      lease_(nullptr, [this](const void*) { queue_->Shutdown(); }) {}

CallQueue::~CallQueue() {
  if (thread_.joinable()) Shutdown();
}

void CallQueue::Start() {
  thread_ = std::thread([this] { Wait(); });
}

void CallQueue::Shutdown() {
  shard_.Post([this] { lease_ = nullptr; });
  thread_.join();
}

void CallQueue::Wait() {
  for (;;) {
    may_wait_.acquire();
    void* tag = nullptr;
    bool ok = false;
    if (!queue_->Next(&tag, &ok)) return;
    shard_.Post([this, tag, ok] {
      static_cast<Completion*>(tag)->Run(ok);
      shard_.Poll([this] { return Poll(); });
    });
  }
}

bool CallQueue::Poll() {
  void* tag = nullptr;
  bool ok = false;
  const auto end = std::chrono::steady_clock::now() + kSlice;
  for (int events = 0; events < kEventsPerTurn; ++events) {
    if (queue_->AsyncNext(&tag, &ok, gpr_time_0(GPR_CLOCK_MONOTONIC)) == ::grpc::CompletionQueue::GOT_EVENT) {
      static_cast<Completion*>(tag)->Run(ok);
      if (std::chrono::steady_clock::now() >= end) return true;
      continue;
    }
    if (events > 0) return true;
    may_wait_.release();
    return false;
  }
  return true;
}

}  // namespace atrium
