#include "client-sdk/cli/verify/recorder.h"

#include "client-sdk/cli/verify/frame.h"

namespace atrium::verify {

int Recorder::AddClient(std::string name) {
  const absl::MutexLock lock(&mutex_);
  history_.clients.push_back(std::move(name));
  return static_cast<int>(history_.clients.size()) - 1;
}

int Recorder::NewCall() {
  const absl::MutexLock lock(&mutex_);
  return calls_++;
}

void Recorder::AddFrame(int client, const v1::ServerFrame& frame) {
  std::string bytes = Bytes(frame);
  const absl::MutexLock lock(&mutex_);
  FramePtr& shared = frames_[std::move(bytes)];
  if (shared == nullptr) shared = std::make_shared<const v1::ServerFrame>(frame);
  history_.records.push_back({client, Saw{shared}});
}

void Recorder::Fail(const std::string& why) {
  const absl::MutexLock lock(&mutex_);
  if (failure_.empty()) failure_ = why;
}

std::string Recorder::failure() const {
  const absl::MutexLock lock(&mutex_);
  return failure_;
}

size_t Recorder::records() const {
  const absl::MutexLock lock(&mutex_);
  return history_.records.size();
}

int Recorder::calls() const {
  const absl::MutexLock lock(&mutex_);
  return calls_;
}

History Recorder::Take() {
  const absl::MutexLock lock(&mutex_);
  frames_.clear();
  return std::move(history_);
}

}  // namespace atrium::verify
