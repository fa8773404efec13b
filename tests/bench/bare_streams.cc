#include "tests/bench/bare_streams.h"

#include <grpcpp/server_builder.h>
#include <grpcpp/support/server_callback.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "atrium/v1/sessions.grpc.pb.h"
#include "tests/bench/check.h"
#include "tests/bench/child_process.h"
#include "tests/bench/connect_client.h"
#include "tests/bench/streams.h"

namespace atrium::bench {
namespace {

int Serve(::grpc::Service& service) {
  const StopSignal stop;
  ::grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", ::grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<::grpc::Server> server = builder.BuildAndStart();
  Check(server != nullptr, "a bare stream server cannot listen");
  SayReady({{"grpc", static_cast<uint16_t>(port)}});
  stop.Wait();
  // Streams may still be open: there is nothing to keep.
  std::_Exit(0);
}

class Echo final : public ::grpc::ServerBidiReactor<v1::ClientFrames, v1::ServerFrames> {
 public:
  Echo() { StartRead(&request_); }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(::grpc::Status::OK);
    response_.Clear();
    for (const v1::ClientFrame& frame : request_.frames()) {
      if (frame.id() == 0) continue;
      v1::Reply& reply = *response_.add_frames()->mutable_reply();
      reply.set_id(frame.id());
      v1::EmitResponse& emit = *reply.mutable_emit();
      emit.set_success(true);
      emit.set_event(frame.emit().event());
      emit.set_room_id(frame.emit().room_id());
      emit.mutable_position()->set_epoch("0123456789abcde");
      emit.mutable_position()->set_offset(1'000'000);
    }
    if (response_.frames().empty()) return StartRead(&request_);
    StartWrite(&response_);
  }
  void OnWriteDone(bool ok) override {
    if (ok) StartRead(&request_);
  }
  void OnDone() override { delete this; }

  v1::ClientFrames request_;
  v1::ServerFrames response_;
};

class EchoService final : public v1::SessionService::CallbackService {
  ::grpc::ServerBidiReactor<v1::ClientFrames, v1::ServerFrames>* Connect(::grpc::CallbackServerContext*) override {
    return new Echo;  // OnDone deletes it.
  }
};

using RawReactor = ::grpc::ServerBidiReactor<::grpc::ByteBuffer, ::grpc::ByteBuffer>;

class Member;

// All streams. Any thread.
class Group {
 public:
  explicit Group(std::string event) : event_(std::move(event)), data_at_(event_.find(StreamData())) {
    Check(data_at_ != std::string::npos, "the event has no data");
  }

  void Add(Member& member) {
    const std::lock_guard<std::mutex> lock(mutex_);
    members_.push_back(&member);
  }
  void Remove(Member& member) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::erase(members_, &member);
  }
  void Publish(const Member& publisher, absl::string_view message);

 private:
  std::string event_;
  const size_t data_at_;
  std::mutex mutex_;
  std::vector<Member*> members_;
};

// One stream.
class Member final : public RawReactor {
 public:
  explicit Member(Group& group) : group_(group) {
    group_.Add(*this);
    StartRead(&incoming_);
  }

  void Send(const ::grpc::Slice& slice) {
    const std::lock_guard<std::mutex> lock(mutex_);
    waiting_.push_back(slice);
    if (!writing_) Write();
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(::grpc::Status::OK);
    ::grpc::Slice slice;
    if (!incoming_.TrySingleSlice(&slice).ok()) (void)incoming_.DumpToSingleSlice(&slice);
    const absl::string_view message(reinterpret_cast<const char*>(slice.begin()), slice.size());
    if (std::exchange(joined_, true)) {
      group_.Publish(*this, message);
    } else {
      v1::ServerFrames joined;
      joined.add_frames()->mutable_reply()->mutable_join();
      Send(::grpc::Slice(joined.SerializeAsString()));
    }
    incoming_.Clear();
    StartRead(&incoming_);
  }
  void OnWriteDone(bool ok) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    writing_ = false;
    if (ok && !waiting_.empty()) Write();
  }
  void OnDone() override {
    group_.Remove(*this);
    delete this;
  }
  void Write() {
    writing_ = true;
    outgoing_ = ::grpc::ByteBuffer(waiting_.data(), waiting_.size());
    waiting_.clear();
    StartWrite(&outgoing_);
  }

  Group& group_;
  bool joined_ = false;
  ::grpc::ByteBuffer incoming_;
  std::mutex mutex_;
  std::vector<::grpc::Slice> waiting_;
  ::grpc::ByteBuffer outgoing_;
  bool writing_ = false;
};

void Group::Publish(const Member& publisher, absl::string_view message) {
  std::string events;
  for (const absl::string_view frame : FramesOf(message)) {
    const size_t at = events.size();
    events += event_;
    frame.copy(events.data() + at + data_at_, kStreamDataBytes, frame.size() - kStreamDataBytes);
  }
  const ::grpc::Slice slice(events);
  const std::lock_guard<std::mutex> lock(mutex_);
  for (Member* const member : members_) {
    if (member != &publisher) member->Send(slice);
  }
}

class FanOutService final : public v1::SessionService::WithRawCallbackMethod_Connect<v1::SessionService::Service> {
 public:
  explicit FanOutService(std::string event) : group_(std::move(event)) {}

 private:
  RawReactor* Connect(::grpc::CallbackServerContext*) override {
    return new Member(group_);  // OnDone deletes it.
  }

  Group group_;
};

}  // namespace

int ServeStreamEcho() {
  EchoService service;
  return Serve(service);
}

int ServeStreamFanOut(const std::string& event) {
  std::string bytes;
  Check(absl::Base64Unescape(event, &bytes), "the event is not in base64");
  FanOutService service(bytes);
  return Serve(service);
}

}  // namespace atrium::bench
