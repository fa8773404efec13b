#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include <chrono>
#include <deque>
#include <iostream>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "server/common/mutex.h"
#include "tests/support/eventually.h"
#include "tests/support/frame_stream.h"
#include "tests/support/grpc_stubs.h"

namespace atrium {
namespace {

// A thread reads, because gRPC's blocking read knows no deadline.
class GrpcFrameStream : public FrameStream {
 public:
  explicit GrpcFrameStream(uint16_t port)
      : stub_(v1::SessionService::NewStub(GrpcChannel(port))), stream_(stub_->Connect(&context_)) {
    reader_ = std::thread([this] { ReadAll(); });
  }
  ~GrpcFrameStream() override {
    context_.TryCancel();
    reader_.join();
  }

  bool Send(const v1::ClientFrame& frame) override {
    v1::ClientFrames frames;
    *frames.add_frames() = frame;
    return stream_->Write(frames);
  }

  std::optional<v1::ServerFrame> Read(absl::Time deadline) override {
    MutexLock lock(mutex_);
    bool in_time = true;
    while (frames_.empty() && end_ < 0 && in_time) in_time = changed_.WaitUntil(lock, absl::ToChronoTime(deadline));
    if (frames_.empty()) return std::nullopt;
    v1::ServerFrame frame = std::move(frames_.front());
    frames_.pop_front();
    return frame;
  }

  // Until the server has seen it: a stream that is let go of is cut, and may be cut before.
  void Leave() override {
    stream_->WritesDone();
    WaitForEnd();
  }

  int WaitForEnd() override {
    MutexLock lock(mutex_);
    const auto deadline = absl::ToChronoTime(absl::Now() + kPatience);
    bool in_time = true;
    while (end_ < 0 && in_time) in_time = changed_.WaitUntil(lock, deadline);
    return end_;
  }

 private:
  void ReadAll() {
    v1::ServerFrames message;
    while (stream_->Read(&message)) {
      const MutexLock lock(mutex_);
      for (v1::ServerFrame& frame : *message.mutable_frames()) frames_.push_back(std::move(frame));
      changed_.NotifyAll();
    }
    const grpc::Status end = stream_->Finish();
    const MutexLock lock(mutex_);
    end_ = end.error_code();
    if (end_ == grpc::StatusCode::UNAVAILABLE) std::cerr << "Connect ended: " << end.error_message() << "\n";
    changed_.NotifyAll();
  }

  grpc::ClientContext context_;
  const std::unique_ptr<v1::SessionService::Stub> stub_;
  const std::unique_ptr<grpc::ClientReaderWriter<v1::ClientFrames, v1::ServerFrames>> stream_;
  std::thread reader_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<v1::ServerFrame> frames_ ABSL_GUARDED_BY(mutex_);
  int end_ ABSL_GUARDED_BY(mutex_) = -1;
};

}  // namespace

std::unique_ptr<FrameStream> OpenGrpcConnect(uint16_t grpc_port) {
  return std::make_unique<GrpcFrameStream>(grpc_port);
}

}  // namespace atrium
