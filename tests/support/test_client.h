#pragma once

#include <google/protobuf/struct.pb.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "atrium/v1/frames.pb.h"
#include "tests/support/frame_stream.h"
#include "tests/support/test_server.h"

namespace atrium {

// The doors through which a client comes.
enum class Door { kJson, kProto, kGrpc, kDeflatedJson, kDeflatedProto };
std::string DoorName(Door door);

// A Value of JSON text, and back: both by Protobuf's own JSON util.
google::protobuf::Value JsonValue(const std::string& json);
std::string JsonText(const google::protobuf::Value& value);

// Opens a connection, without a hello.
std::unique_ptr<FrameStream> OpenDoor(const TestServer& server, Door door);

// A client of a whole server, the same through each door. It keeps all frames that came, in their order; what does not
// come within 10 seconds fails the test.
class TestClient {
 public:
  // With its hello done. A connection that is only let go of is lost; SayLeave ends its session.
  TestClient(const TestServer& server, Door door, const std::string& token = "");
  TestClient(const TestServer& server, Door door, const v1::Hello& hello);

  const std::string& id() const { return welcome_.session_id(); }
  const v1::Welcome& welcome() const { return welcome_; }

  // Sends a request; its id is returned. Ask waits for the reply to it.
  uint32_t Send(v1::ClientFrame frame);
  v1::Reply Ask(v1::ClientFrame frame) { return Reply(Send(std::move(frame))); }
  v1::Reply Reply(uint32_t id);

  // Payloads are JSON text; empty for none.
  v1::Reply Join(const std::string& room, const std::string& initial_state = "");
  v1::Reply Leave(const std::string& room);
  v1::Reply Emit(const std::string& room, const std::string& event, const std::string& data = "");
  v1::Reply SetState(const std::string& room, const std::string& merge);
  v1::Reply GetState(const std::string& room);

  // The first frame of all that came and come for which `wanted` is true.
  using Wanted = std::function<bool(const v1::ServerFrame&)>;
  v1::ServerFrame WaitFor(const Wanted& wanted, absl::string_view what);
  v1::RoomEvent WaitForEvent(const std::string& room, const std::string& event);
  v1::Goodbye WaitForGoodbye();
  // Until the frame of `room` with that offset, or a later one, has come.
  void WaitForOffset(const std::string& room, uint64_t offset);
  // Reads what is left, and returns what the connection ended with; see FrameStream.
  int WaitForEnd();
  // Ends the connection from the client's side.
  void SayLeave() { stream_->Leave(); }

  const std::vector<v1::ServerFrame>& frames() const { return frames_; }
  // Events, patches and member changes of `room`.
  std::vector<v1::ServerFrame> RoomFrames(const std::string& room) const;

 private:
  // False when no more comes in time.
  bool ReadOne(absl::Time deadline);

  const std::unique_ptr<FrameStream> stream_;
  uint32_t last_id_ = 0;
  std::vector<v1::ServerFrame> frames_;
  v1::Welcome welcome_;
};

// A hello that goes on with the session of a welcome.
v1::Hello ResumeHello(const v1::Welcome& welcome);

// Of an event, patch or member frame; else empty and 0.
std::string RoomOf(const v1::ServerFrame& frame);
uint64_t OffsetOf(const v1::ServerFrame& frame);

// "event:hello", "patch", "member" of each, for comparisons that read well.
std::vector<std::string> Kinds(const std::vector<v1::ServerFrame>& frames);
// Each as text, maps sorted.
std::vector<std::string> Texts(const std::vector<v1::ServerFrame>& frames);
std::vector<uint64_t> Offsets(const std::vector<v1::ServerFrame>& frames);

// A request frame.
v1::ClientFrame EmitFrame(const std::string& room, const std::string& event, const std::string& data = "");
v1::ClientFrame JoinFrame(const std::string& room, const std::string& initial_state = "");
v1::ClientFrame LeaveFrame(const std::string& room);

}  // namespace atrium
