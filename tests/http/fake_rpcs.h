#pragma once

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "atrium/v1/frames.pb.h"
#include "server/api/room_api.h"
#include "server/api/rpc_table.h"
#include "server/session/session_api.h"
#include "server/session/stream_table.h"
#include "server/wire/message_json.h"

namespace atrium {

inline std::vector<const google::protobuf::ServiceDescriptor*> AllServices() {
  const auto* const pool = google::protobuf::DescriptorPool::generated_pool();
  return {pool->FindServiceByName("atrium.v1.RoomService"), pool->FindServiceByName("atrium.v1.SessionService")};
}

// Every method: notes its request; a unary one gives a default response, a stream is noted when it begins and never
// does. Thread-safe; by std::mutex, which ThreadSanitizer sees.
class FakeRpcs {
 public:
  FakeRpcs() {
    AddAll<kRoomVerbs>("RoomService.");
    AddAll<kSessionVerbs>("SessionService.");
    streams_.Add("atrium.v1.RoomService.Watch",
                 [this](const Caller&, StreamTable::MessagePtr request, int shard, ReaderKind kind,
                        Observer::Transport&) -> std::shared_ptr<Observer> {
                   std::lock_guard lock(mutex_);
                   ++calls_;
                   last_call_ = absl::StrCat("RoomService.Watch ", MessageToJson(*request, JsonZeros::kOmit), " as ",
                                             ReaderName(kind), " on ", shard);
                   return nullptr;
                 });
  }

  const RpcTable& table() const { return table_; }
  const StreamTable& streams() const { return streams_; }

  // "Service.Method request payload" of the last call; the payload only where there is one.
  std::string last_call() const {
    std::lock_guard lock(mutex_);
    return last_call_;
  }
  int calls() const {
    std::lock_guard lock(mutex_);
    return calls_;
  }

  // From now on all methods answer with this.
  void AnswerWith(absl::Status error) {
    std::lock_guard lock(mutex_);
    error_ = std::move(error);
  }
  void AnswerWithPayload(Payload payload) {
    std::lock_guard lock(mutex_);
    payload_ = std::move(payload);
  }

  // From now on answers wait for Release, which gives them on its own thread.
  void Hold() {
    std::lock_guard lock(mutex_);
    holding_ = true;
  }
  // Waits until `count` answers are held.
  bool AwaitHeld(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return held_.size() >= count; });
  }
  void Release() {
    std::vector<absl::AnyInvocable<void()>> held;
    {
      std::lock_guard lock(mutex_);
      holding_ = false;
      held.swap(held_);
    }
    for (auto& answer : held) answer();
  }

 private:
  template <const auto& table>
  void AddAll(const std::string& prefix) {
    ForEachUnaryVerb<table>(
        [&]<typename Api, typename Request, typename Response>(const VerbRow<Api, Request, Response>& row) {
          Add<Request, Response>(absl::StrCat(prefix, row.name));
        });
  }

  template <typename Request, typename Response>
  void Add(const std::string& name) {
    table_.Add<Request, Response>("atrium.v1." + name, [this, name](const Caller& caller, WithPayload<Request> request,
                                                                    Done<Response> done) {
      EXPECT_EQ(caller.kind(), Caller::Kind::kService);
      std::lock_guard lock(mutex_);
      ++calls_;
      last_call_ = name + " " + MessageToJson(*request.message, JsonZeros::kOmit);
      if (!request.payload.empty()) last_call_ += " " + request.payload.Json();
      absl::StatusOr<WithPayload<Response>> response = WithPayload<Response>{{}, payload_};
      if (!error_.ok()) response = error_;
      auto answer = [done = std::move(done), response = std::move(response)]() mutable { done(std::move(response)); };
      if (holding_) {
        held_.push_back(std::move(answer));
        changed_.notify_all();
      } else {
        answer();
      }
    });
  }

  RpcTable table_;
  StreamTable streams_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string last_call_;
  int calls_ = 0;
  absl::Status error_;
  Payload payload_;
  bool holding_ = false;
  std::vector<absl::AnyInvocable<void()>> held_;
};

}  // namespace atrium
