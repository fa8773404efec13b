#include "client-sdk/cli/session.h"

#include <utility>

#include "absl/time/time.h"

namespace atrium::cli {
namespace {

constexpr absl::Duration kGoodbye = absl::Seconds(2);

}  // namespace

Session::Session(Rpc& rpc, const v1::Hello& hello, OnFrame on_frame, OnEnd on_end)
    : rpc_(rpc), on_frame_(std::move(on_frame)), on_end_(std::move(on_end)), stream_(rpc.Connect(context_)) {
  v1::ClientFrame frame;
  *frame.mutable_hello() = hello;
  Send(frame);
  reader_ = std::thread([this] { Read(); });
}

Session::~Session() {
  Drop();
  reader_.join();
}

bool Session::Send(const v1::ClientFrame& frame) {
  v1::ClientFrames frames;
  *frames.add_frames() = frame;
  const absl::MutexLock lock(&writing_);
  return !ended_ && stream_->Write(frames);
}

void Session::Leave() {
  const absl::MutexLock lock(&writing_);
  if (ended_) return;
  stream_->WritesDone();
  // This waits until the server has heard it, because what is dropped before looks like a lost connection.
  writing_.AwaitWithTimeout(absl::Condition(&ended_), kGoodbye);
}

void Session::Read() {
  v1::ServerFrames message;
  while (stream_->Read(&message)) {
    for (const v1::ServerFrame& frame : message.frames()) on_frame_(frame);
  }
  absl::Status status;
  {
    // No write may be under way when the stream is finished.
    const absl::MutexLock lock(&writing_);
    ended_ = true;
    status = rpc_.ExplainSession(stream_->Finish());
  }
  on_end_(status);
}

}  // namespace atrium::cli
