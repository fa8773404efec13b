#include "client-sdk/cli/verify/watcher.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client-sdk/cli/format.h"
#include "client-sdk/cli/json.h"

namespace atrium::verify {

Watcher::Watcher(cli::Rpc& rpc, Recorder& recorder, const Settings& settings, std::string room)
    : rpc_(rpc), recorder_(recorder), settings_(settings), number_(recorder.AddClient("watcher of " + room)) {
  request_.set_room_id(std::move(room));
  thread_ = std::thread([this] { Run(); });
}

Watcher::~Watcher() {
  {
    const absl::MutexLock lock(&mutex_);
    stopped_ = true;
    if (context_ != nullptr) context_->TryCancel();
  }
  thread_.join();
}

void Watcher::WaitFor(const Position& position) {
  const absl::MutexLock lock(&mutex_);
  const auto there = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return position_ && (position_->epoch != position.epoch || position_->offset >= position.offset);
  };
  mutex_.AwaitWithTimeout(absl::Condition(&there), settings_.patience());
  if (position.offset > 0) recorder_.Add(number_, Knows{.room = request_.room_id(), .position = position});
}

void Watcher::Run() {
  while (true) {
    ReadStream();
    {
      const absl::MutexLock lock(&mutex_);
      if (stopped_) return;
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
}

void Watcher::ReadStream() {
  grpc::ClientContext context;
  {
    const absl::MutexLock lock(&mutex_);
    if (stopped_) return;
    context_ = &context;
    if (position_) {
      request_.mutable_since()->set_epoch(position_->epoch);
      request_.mutable_since()->set_offset(position_->offset);
    }
  }
  const auto stream = rpc_.Watch(context, request_);
  v1::ServerFrames message;
  bool began = false;
  while (stream->Read(&message)) {
    began = true;
    for (const v1::ServerFrame& frame : message.frames()) OnFrame(frame);
  }
  stream->Finish();
  const absl::MutexLock lock(&mutex_);
  context_ = nullptr;
  if (began && !stopped_) recorder_.Add(number_, LostConnection());
}

void Watcher::OnFrame(const v1::ServerFrame& frame) {
  if (frame.has_snapshot()) {
    const v1::Snapshot& snapshot = frame.snapshot();
    Entered entered{.room = request_.room_id(),
                    .position = {snapshot.position().epoch(), snapshot.position().offset()},
                    .recovered = snapshot.recovered(),
                    .members = snapshot.room().member_count(),
                    .max_members = snapshot.room().max_members()};
    if (!snapshot.recovered()) entered.state = cli::FromProto(snapshot.state());
    const absl::MutexLock lock(&mutex_);
    if (position_) entered.since = *position_;
    position_ = entered.position;
    recorder_.Add(number_, std::move(entered));
  } else if (frame.has_left()) {
    recorder_.Add(number_, Exited{request_.room_id()});
  } else {
    recorder_.AddFrame(number_, frame);
    const absl::MutexLock lock(&mutex_);
    if (position_ && cli::OffsetOf(frame) > 0) position_->offset = cli::OffsetOf(frame);
  }
}

}  // namespace atrium::verify
