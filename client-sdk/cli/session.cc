#include "client-sdk/cli/session.h"

#include <chrono>
#include <utility>

namespace atrium::cli {
namespace {

constexpr std::chrono::seconds kGoodbye(2);

}  // namespace

Session::Session(Rpc& rpc, const v1::Hello& hello, OnFrame on_frame, OnEnd on_end)
    : rpc_(rpc),
      on_frame_(std::move(on_frame)),
      on_end_(std::move(on_end)),
      stream_(rpc.sessions().Connect(&context_)) {
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
  const std::lock_guard lock(writing_);
  return !ended_ && stream_->Write(frames);
}

void Session::Leave() {
  std::unique_lock lock(writing_);
  if (ended_) return;
  stream_->WritesDone();
  // Until the server has heard it: what is dropped before looks like a lost connection.
  end_.wait_for(lock, kGoodbye, [this] { return ended_; });
}

void Session::Read() {
  v1::ServerFrames message;
  while (stream_->Read(&message)) {
    for (const v1::ServerFrame& frame : message.frames()) on_frame_(frame);
  }
  absl::Status status;
  {
    // No write may be under way when the stream is finished.
    const std::lock_guard lock(writing_);
    ended_ = true;
    status = rpc_.Explain(stream_->Finish());
  }
  end_.notify_all();
  on_end_(status);
}

}  // namespace atrium::cli
