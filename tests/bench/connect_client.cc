#include "tests/bench/connect_client.h"

#include <google/protobuf/io/coded_stream.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/bench/check.h"
#include "tests/bench/own_connection.h"

namespace atrium::bench {
namespace {

constexpr char kMethod[] = "/atrium.v1.SessionService/Connect";

// Where the content of a frame begins, and how long it is.
absl::string_view Content(absl::string_view frame) {
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const uint8_t*>(frame.data()),
                                               static_cast<int>(frame.size()));
  uint32_t size = 0;
  const bool read = input.ReadTag() == 10 && input.ReadVarint32(&size);
  const auto header = static_cast<size_t>(input.CurrentPosition());
  Check(read && header + size <= frame.size(), "a message of a stream holds no frames");
  return frame.substr(header, size);
}

}  // namespace

ConnectClient::ConnectClient(::grpc::GenericStub& stub, OnMessage on_message) : on_message_(std::move(on_message)) {
  stub.PrepareBidiStreamingCall(&context_, kMethod, ::grpc::StubOptions(), this);
  StartRead(&incoming_);
  // Send may write at any time.
  AddHold();
  StartCall();
}

ConnectClient::~ConnectClient() {
  std::unique_lock<std::mutex> lock(mutex_);
  leaving_ = true;
  lock.unlock();
  context_.TryCancel();
  RemoveHold();
  lock.lock();
  ended_.wait(lock, [this] { return done_; });
}

void ConnectClient::Send(absl::string_view message) {
  const ::grpc::Slice slice(message.data(), message.size());
  const std::lock_guard<std::mutex> lock(mutex_);
  outgoing_.emplace_back(&slice, 1);
  if (outgoing_.size() == 1) StartWrite(&outgoing_.front());
}

void ConnectClient::OnWriteDone(bool ok) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!ok || leaving_) return;
  outgoing_.pop_front();
  if (!outgoing_.empty()) StartWrite(&outgoing_.front());
}

void ConnectClient::OnReadDone(bool ok) {
  if (!ok) return;
  ::grpc::Slice slice;
  if (!incoming_.TrySingleSlice(&slice).ok()) Check(incoming_.DumpToSingleSlice(&slice).ok(), "a message has no bytes");
  on_message_({reinterpret_cast<const char*>(slice.begin()), slice.size()});
  incoming_.Clear();
  StartRead(&incoming_);
}

void ConnectClient::OnDone(const ::grpc::Status& status) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!leaving_) Fail(absl::StrCat("the server ended a stream: ", status.error_message()));
  done_ = true;
  ended_.notify_all();
}

std::vector<std::unique_ptr<::grpc::GenericStub>> ConnectStubs(uint16_t port, int connections) {
  std::vector<std::unique_ptr<::grpc::GenericStub>> stubs;
  for (int i = 0; i < connections; ++i) {
    stubs.push_back(std::make_unique<::grpc::GenericStub>(OwnConnection(port)));
  }
  return stubs;
}

std::vector<absl::string_view> FramesOf(absl::string_view message) {
  std::vector<absl::string_view> frames;
  while (!message.empty()) {
    const absl::string_view content = Content(message);
    const auto size = static_cast<size_t>(content.data() + content.size() - message.data());
    frames.push_back(message.substr(0, size));
    message.remove_prefix(size);
  }
  return frames;
}

int KindOfFrame(absl::string_view frame) {
  const absl::string_view content = Content(frame);
  return content.empty() ? 0 : static_cast<uint8_t>(content[0]) >> 3;
}

}  // namespace atrium::bench
