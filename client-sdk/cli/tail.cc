#include <algorithm>
#include <iostream>
#include <optional>

#include "absl/strings/str_cat.h"
#include "client-sdk/cli/commands.h"
#include "client-sdk/cli/format.h"
#include "client-sdk/cli/json.h"
#include "client-sdk/cli/rpc.h"
#include "client-sdk/cli/stop_signal.h"

namespace atrium::cli {
namespace {

// Follows a room over as many streams as it takes.
class Tailer {
 public:
  Tailer(const Invocation& invocation, std::optional<v1::Position> since)
      : json_(invocation.json), rpc_(invocation.address, invocation.credentials), since_(std::move(since)) {
    request_.set_room_id(invocation.arguments[0]);
  }

  absl::Status Run() {
    absl::Duration pause = kShortestPause;
    while (true) {
      absl::Status end = ReadStream();
      if (stop_.stopped() || gone_) return absl::OkStatus();
      if (!began_ || !MayComeBack(end)) return end;
      if (connected_) {
        std::cerr << "atrium: the connection was lost; going on from " << Text(*since_) << " as soon as it is back\n";
        pause = kShortestPause;
      }
      connected_ = false;
      absl::SleepFor(pause);
      pause = std::min(2 * pause, kLongestPause);
    }
  }

 private:
  static constexpr absl::Duration kShortestPause = absl::Milliseconds(50);
  static constexpr absl::Duration kLongestPause = absl::Seconds(2);

  static bool MayComeBack(const absl::Status& end) {
    return end.ok() || absl::IsUnavailable(end) || absl::IsResourceExhausted(end) || absl::IsInternal(end) ||
           absl::IsDeadlineExceeded(end) || absl::IsUnknown(end) || absl::IsCancelled(end);
  }

  absl::Status ReadStream() {
    grpc::ClientContext context;
    if (since_) *request_.mutable_since() = *since_;
    const auto stream = rpc_.Watch(context, request_);
    stop_.WhenStopped([&context] { context.TryCancel(); });
    v1::ServerFrames message;
    while (stream->Read(&message)) {
      for (const v1::ServerFrame& frame : message.frames()) Show(frame);
    }
    stop_.WhenStopped(nullptr);
    return rpc_.Explain(stream->Finish());
  }

  void Show(const v1::ServerFrame& frame) {
    if (frame.has_snapshot()) {
      if (began_) {
        std::cerr << (frame.snapshot().recovered() ? "atrium: back; nothing was missed\n"
                                                   : "atrium: back; what was missed is not kept any more\n");
      }
      began_ = connected_ = true;
      since_ = frame.snapshot().position();
    } else if (OffsetOf(frame) > 0 && since_) {
      since_->set_offset(OffsetOf(frame));
    } else if (frame.has_left()) {
      std::cerr << "atrium: the room has gone\n";
      gone_ = true;
    }
    std::cout << (json_ ? ToJson(frame) : Text(frame, since_ ? since_->epoch() : "")) << std::endl;
  }

  StopSignal stop_;
  const bool json_;
  Rpc rpc_;
  v1::WatchRequest request_;
  // This is the position of the last frame.
  std::optional<v1::Position> since_;
  bool began_ = false;
  bool connected_ = false;
  bool gone_ = false;
};

}  // namespace

absl::Status Tail(const Invocation& invocation) {
  std::optional<v1::Position> since;
  if (invocation.has("since")) {
    auto position = ReadPosition("--since", invocation.flag<std::string>("since"));
    if (!position.ok()) return BadUsage(position.status().message());
    since = *std::move(position);
  }
  return Tailer(invocation, std::move(since)).Run();
}

}  // namespace atrium::cli
