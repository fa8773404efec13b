#include <poll.h>
#include <unistd.h>

#include <array>
#include <iostream>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "client-sdk/cli/commands.h"
#include "client-sdk/cli/format.h"
#include "client-sdk/cli/json.h"
#include "client-sdk/cli/rpc.h"
#include "client-sdk/cli/session.h"
#include "client-sdk/cli/stop_signal.h"

namespace atrium::cli {
namespace {

constexpr uint32_t kJoinId = 1;
// While the token expires its file is looked at this often.
constexpr int kTokenPauseMs = 1000;

// A member of a room: frames go out on the session's thread, lines are read on the main one, which this wakes up.
class Joiner {
 public:
  Joiner(const Invocation& invocation, google::protobuf::Value payload)
      : json_(invocation.json),
        room_(invocation.arguments[0]),
        payload_(std::move(payload)),
        rpc_(invocation.address, invocation.credentials) {
    if (pipe(wake_.data()) != 0) std::abort();
    stop_.WhenStopped([this] { Finish(absl::OkStatus()); });
  }
  ~Joiner() {
    stop_.WhenStopped(nullptr);
    close(wake_[0]);
    close(wake_[1]);
  }

  absl::Status Run(const std::string& user) {
    const auto typed = IsTyped();
    if (!typed.ok()) return typed.status();
    typed_ = *typed;
    shown_ = rpc_.credentials().has_token() ? rpc_.credentials().Token() : user;
    v1::Hello hello;
    hello.set_token(shown_);
    hello.set_client("atrium join");
    Session session(
        rpc_, hello, [this](const v1::ServerFrame& frame) { OnFrame(frame); },
        [this](const absl::Status& status) {
          Finish(status.ok() ? absl::UnavailableError("the server has ended the session") : status);
        });
    session_ = &session;
    if (!Enter()) return TheEnd();
    ReadLines();
    session.Leave();
    return TheEnd();
  }

 private:
  absl::StatusOr<bool> IsTyped() {
    const auto types = rpc_.Ask(&v1::RoomService::Stub::ListRoomTypes, v1::ListRoomTypesRequest());
    // Who has no key may not ask, nor bring somebody into a typed room.
    if (absl::IsPermissionDenied(types.status()) && !rpc_.credentials().has_key()) return false;
    if (!types.ok()) return types.status();
    const std::string prefix = room_.substr(0, room_.find(':'));
    for (const v1::RoomType& type : types->room_types()) {
      if (room_.size() > prefix.size() && type.name() == prefix) return true;
    }
    return false;
  }

  // Waits for the welcome and joins. Returns false if there is no session.
  bool Enter() {
    std::string id;
    while (true) {
      {
        const absl::MutexLock lock(&mutex_);
        if (finished_) return false;
        id = id_;
      }
      if (!id.empty()) break;
      Sleep(/*with_stdin=*/false);
    }
    v1::ClientFrame frame;
    frame.set_id(kJoinId);
    v1::JoinRequest& join = *frame.mutable_join();
    join.set_room_id(room_);
    if (payload_.kind_case() != google::protobuf::Value::KIND_NOT_SET) *join.mutable_payload() = payload_;
    if (!typed_) return session_->Send(frame);
    // Only services bring somebody into a typed room.
    join.set_member_id(id);
    const auto joined = rpc_.Ask(&v1::RoomService::Stub::Join, join);
    if (!joined.ok()) Finish(joined.status());
    return joined.ok();
  }

  void OnFrame(const v1::ServerFrame& frame) {
    if (frame.has_welcome()) {
      welcomed_ = true;
      const absl::MutexLock lock(&mutex_);
      id_ = frame.welcome().session_id();
      Wake();
    } else if (frame.has_reply() && frame.reply().has_error()) {
      const absl::Status error = {static_cast<absl::StatusCode>(frame.reply().error().code()),
                                  frame.reply().error().message()};
      // The end of the connection, which follows, says more.
      if (!welcomed_ && absl::IsUnauthenticated(error)) return;
      if (!welcomed_ || frame.reply().id() == kJoinId) return Finish(error);
      std::cerr << "atrium: " << error.message() << std::endl;
    } else if (frame.has_reply() && frame.reply().has_join()) {
      epoch_ = frame.reply().join().position().epoch();
      const v1::JoinResponse& joined = frame.reply().join();
      Print(frame, absl::StrCat(Text(joined.position()), " joined as ", joined.member_id(), ", members ",
                                joined.room().member_count(), ", state ", ToJson(joined.state())));
    } else if (!frame.has_reply()) {
      if (frame.has_snapshot()) epoch_ = frame.snapshot().position().epoch();
      Print(frame, Text(frame, epoch_));
    }
    if (frame.has_expiring()) {
      const absl::MutexLock lock(&mutex_);
      expiring_ = true;
      Wake();
    }
  }

  void Print(const v1::ServerFrame& frame, const std::string& text) {
    std::cout << (json_ ? ToJson(frame) : text) << std::endl;
  }

  void ReadLines() {
    std::string text;
    bool open = true;
    while (!finished()) {
      const bool ready = Sleep(open);
      if (expiring()) RefreshToken();
      if (!ready) continue;
      std::array<char, 4096> buffer{};
      const ssize_t size = read(STDIN_FILENO, buffer.data(), buffer.size());
      open = size > 0;
      if (open) text.append(buffer.data(), static_cast<size_t>(size));
      for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
        EmitLine(text.substr(0, end));
        text.erase(0, end + 1);
      }
    }
  }

  void EmitLine(const std::string& line) {
    const absl::string_view trimmed = absl::StripAsciiWhitespace(line);
    if (trimmed.empty()) return;
    const size_t space = trimmed.find(' ');
    v1::ClientFrame frame;
    // 0 asks for no reply; errors are told all the same.
    frame.set_id(0);
    v1::EmitRequest& emit = *frame.mutable_emit();
    emit.set_room_id(room_);
    emit.set_event(std::string(trimmed.substr(0, space)));
    // Whoever types wants to see where it went.
    emit.set_include_self(true);
    if (space != absl::string_view::npos) {
      auto data = ReadJson("the event's data", std::string(trimmed.substr(space + 1)));
      if (!data.ok()) {
        std::cerr << "atrium: " << data.status().message() << std::endl;
        return;
      }
      *emit.mutable_data() = *std::move(data);
    }
    session_->Send(frame);
  }

  // Shows the server the token that has come into the file.
  void RefreshToken() {
    std::optional<std::string> token = rpc_.credentials().NewToken(shown_);
    if (!token) return;
    shown_ = *std::move(token);
    v1::ClientFrame frame;
    frame.mutable_refresh()->set_token(shown_);
    {
      const absl::MutexLock lock(&mutex_);
      expiring_ = false;
    }
    session_->Send(frame);
  }

  // Waits until there is something to read on stdin, for which it returns true, or somebody has called Wake, or it is
  // time to look for a new token.
  bool Sleep(bool with_stdin) {
    std::array<pollfd, 2> ready{{{.fd = wake_[0], .events = POLLIN, .revents = 0},
                                 {.fd = with_stdin ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0}}};
    poll(ready.data(), ready.size(), expiring() ? kTokenPauseMs : -1);
    if (ready[0].revents != 0) {
      char byte = 0;
      if (read(wake_[0], &byte, 1) != 1) std::abort();
    }
    return ready[1].revents != 0;
  }
  void Wake() {
    if (write(wake_[1], "w", 1) != 1) std::abort();
  }

  void Finish(const absl::Status& status) {
    const absl::MutexLock lock(&mutex_);
    if (!finished_) end_ = status;
    finished_ = true;
    Wake();
  }
  bool finished() const {
    const absl::MutexLock lock(&mutex_);
    return finished_;
  }
  bool expiring() const {
    const absl::MutexLock lock(&mutex_);
    return expiring_;
  }
  absl::Status TheEnd() const {
    const absl::MutexLock lock(&mutex_);
    return end_;
  }

  StopSignal stop_;
  const bool json_;
  const std::string room_;
  const google::protobuf::Value payload_;
  Rpc rpc_;
  bool typed_ = false;
  Session* session_ = nullptr;
  // This is what the server knows the client by: the last token, or a name.
  std::string shown_;
  std::string epoch_;      // of the session's thread
  bool welcomed_ = false;  // of the session's thread
  std::array<int, 2> wake_{};
  mutable absl::Mutex mutex_;
  std::string id_ ABSL_GUARDED_BY(mutex_);
  // Whether a new token is asked for.
  bool expiring_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status end_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::Status Join(const Invocation& invocation) {
  if (invocation.has("user") && invocation.credentials.has_token()) {
    return BadUsage(
        "--user is for servers with --dev: the token, by --token-file or ATRIUM_TOKEN_FILE, says who this is");
  }
  google::protobuf::Value payload;
  if (invocation.has("payload")) {
    auto read = ReadJson("--payload", invocation.flag<std::string>("payload"));
    if (!read.ok()) return BadUsage(read.status().message());
    payload = *std::move(read);
  }
  return Joiner(invocation, std::move(payload)).Run(invocation.has("user") ? invocation.flag<std::string>("user") : "");
}

}  // namespace atrium::cli
