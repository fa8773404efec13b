#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "atrium/v1/rooms.grpc.pb.h"
#include "tests/bench/check.h"
#include "tests/bench/own_connection.h"

namespace atrium::bench {

using RoomMethods = v1::RoomService::StubInterface::async_interface;

// Unary calls of one method of RoomService, on the callback API: 64 in flight on 4 connections. Any failure ends the
// program.
template <typename Request, typename Response>
class GrpcCalls {
 public:
  using Method = void (RoomMethods::*)(::grpc::ClientContext*, const Request*, Response*,
                                       std::function<void(::grpc::Status)>);
  // Fills in the request of the next call; false if there is none. On gRPC's threads, several at once.
  using Next = std::function<bool(Request&)>;

  // `port` is on 127.0.0.1.
  GrpcCalls(uint16_t port, Method method) : method_(method) {
    for (int i = 0; i < kChannels; ++i) stubs_.push_back(v1::RoomService::NewStub(OwnConnection(port)));
    for (int i = 0; i < kInFlight; ++i) slots_.emplace_back().stub = stubs_[i % kChannels].get();
  }
  ~GrpcCalls() { Wait(); }

  // Makes calls until `next` has none.
  void Start(Next next) {
    next_ = std::move(next);
    running_ = kInFlight;
    for (Slot& slot : slots_) Call(slot);
  }
  void Wait() const {
    while (running_ > 0) absl::SleepFor(absl::Milliseconds(1));
  }
  // `count` calls; `fill(i, request)`.
  void StartCount(int count, std::function<void(int, Request&)> fill) {
    Start([count, fill = std::move(fill), made = std::make_shared<std::atomic<int>>(0)](Request& request) {
      const int i = made->fetch_add(1);
      if (i < count) fill(i, request);
      return i < count;
    });
  }
  Response Once(const Request& request) {
    StartCount(1, [&request](int, Request& only) { only = request; });
    Wait();
    return slots_.front().response;
  }

 private:
  static constexpr int kChannels = 4;
  static constexpr int kInFlight = 64;

  struct Slot {
    v1::RoomService::Stub* stub = nullptr;
    std::optional<::grpc::ClientContext> context;
    Request request;
    Response response;
  };

  void Call(Slot& slot) {
    if (!next_(slot.request)) {
      --running_;
      return;
    }
    slot.context.emplace();
    (slot.stub->async()->*method_)(&*slot.context, &slot.request, &slot.response, [this, &slot](::grpc::Status status) {
      if (!status.ok()) Fail(absl::StrCat("a call failed: ", status.error_message()));
      Call(slot);
    });
  }

  const Method method_;
  std::vector<std::unique_ptr<v1::RoomService::Stub>> stubs_;
  std::deque<Slot> slots_;
  Next next_;
  std::atomic<int> running_{0};
};

}  // namespace atrium::bench
