#include "tests/support/test_client.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace atrium {
std::unique_ptr<FrameStream> OpenDoor(const TestServer& server, Door door) {
  switch (door) {
    case Door::kJson: return OpenJsonWebSocket(server.http_port());
    case Door::kProto: return OpenProtoWebSocket(server.http_port());
    case Door::kGrpc: return OpenGrpcConnect(server.grpc_port());
    case Door::kDeflatedJson: return OpenDeflatedJsonWebSocket(server.http_port());
    case Door::kDeflatedProto: return OpenDeflatedProtoWebSocket(server.http_port());
  }
  return nullptr;
}

std::string DoorName(Door door) {
  switch (door) {
    case Door::kJson: return "WebSocketJson";
    case Door::kProto: return "WebSocketProto";
    case Door::kGrpc: return "Grpc";
    case Door::kDeflatedJson: return "DeflatedJson";
    case Door::kDeflatedProto: return "DeflatedProto";
  }
  return "";
}

google::protobuf::Value JsonValue(const std::string& json) {
  google::protobuf::Value value;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &value).ok()) << json;
  return value;
}

std::string JsonText(const google::protobuf::Value& value) {
  std::string text;
  EXPECT_TRUE(google::protobuf::util::MessageToJsonString(value, &text).ok()) << value.ShortDebugString();
  return text;
}

namespace {

v1::Hello FreshHello(const std::string& token, const std::string& client) {
  v1::Hello hello;
  hello.set_token(token);
  hello.set_client(client);
  return hello;
}

}  // namespace

v1::Hello ResumeHello(const v1::Welcome& welcome) {
  v1::Hello hello;
  hello.set_resume_token(welcome.resume_token());
  return hello;
}

TestClient::TestClient(const TestServer& server, Door door, const std::string& token)
    : TestClient(server, door, FreshHello(token, DoorName(door))) {}

TestClient::TestClient(const TestServer& server, Door door, const v1::Hello& hello) : stream_(OpenDoor(server, door)) {
  v1::ClientFrame frame;
  *frame.mutable_hello() = hello;
  Send(std::move(frame));
  welcome_ = WaitFor([](const v1::ServerFrame& frame) { return frame.has_welcome(); }, "a welcome").welcome();
}

uint32_t TestClient::Send(v1::ClientFrame frame) {
  frame.set_id(++last_id_);
  if (!stream_->Send(frame)) ADD_FAILURE() << "the connection is gone: " << stream_->WaitForEnd();
  return last_id_;
}

v1::Reply TestClient::Reply(uint32_t id) {
  return WaitFor([id](const v1::ServerFrame& frame) { return frame.has_reply() && frame.reply().id() == id; },
                 absl::StrCat("a reply to request ", id))
      .reply();
}

v1::Reply TestClient::Join(const std::string& room, const std::string& initial_state) {
  return Ask(JoinFrame(room, initial_state));
}

v1::Reply TestClient::Leave(const std::string& room) { return Ask(LeaveFrame(room)); }

v1::Reply TestClient::Emit(const std::string& room, const std::string& event, const std::string& data) {
  return Ask(EmitFrame(room, event, data));
}

v1::Reply TestClient::SetState(const std::string& room, const std::string& merge) {
  v1::ClientFrame frame;
  frame.mutable_set_state()->set_room_id(room);
  *frame.mutable_set_state()->mutable_state() = JsonValue(merge);
  return Ask(std::move(frame));
}

v1::Reply TestClient::GetState(const std::string& room) {
  v1::ClientFrame frame;
  frame.mutable_get_state()->set_room_id(room);
  return Ask(std::move(frame));
}

v1::ServerFrame TestClient::WaitFor(const Wanted& wanted, absl::string_view what) {
  const absl::Time deadline = absl::Now() + kPatience;
  for (size_t i = 0; i < frames_.size() || ReadOne(deadline); ++i) {
    if (wanted(frames_[i])) return frames_[i];
  }
  std::string came;
  for (const v1::ServerFrame& frame : frames_) absl::StrAppend(&came, "\n  ", frame.ShortDebugString().substr(0, 300));
  ADD_FAILURE() << what << " did not come; these came:" << came;
  return {};
}

v1::RoomEvent TestClient::WaitForEvent(const std::string& room, const std::string& event) {
  return WaitFor(
             [&](const v1::ServerFrame& frame) {
               return frame.has_event() && frame.event().room_id() == room && frame.event().event() == event;
             },
             absl::StrCat("event ", event, " of room ", room))
      .event();
}

v1::Goodbye TestClient::WaitForGoodbye() {
  return WaitFor([](const v1::ServerFrame& frame) { return frame.has_goodbye(); }, "a goodbye").goodbye();
}

void TestClient::WaitForOffset(const std::string& room, uint64_t offset) {
  WaitFor([&](const v1::ServerFrame& frame) { return RoomOf(frame) == room && OffsetOf(frame) >= offset; },
          absl::StrCat("offset ", offset, " of room ", room));
}

int TestClient::WaitForEnd() {
  while (!frames_.back().has_goodbye() && ReadOne(absl::Now() + kPatience)) {
  }
  return stream_->WaitForEnd();
}

std::vector<v1::ServerFrame> TestClient::RoomFrames(const std::string& room) const {
  std::vector<v1::ServerFrame> found;
  for (const v1::ServerFrame& frame : frames_) {
    if (RoomOf(frame) == room) found.push_back(frame);
  }
  return found;
}

bool TestClient::ReadOne(absl::Time deadline) {
  std::optional<v1::ServerFrame> frame = stream_->Read(deadline);
  if (frame) frames_.push_back(*std::move(frame));
  return frame.has_value();
}

std::string RoomOf(const v1::ServerFrame& frame) {
  if (frame.has_event()) return frame.event().room_id();
  if (frame.has_patch()) return frame.patch().room_id();
  if (frame.has_member()) return frame.member().room_id();
  return "";
}

uint64_t OffsetOf(const v1::ServerFrame& frame) {
  if (frame.has_event()) return frame.event().offset();
  if (frame.has_patch()) return frame.patch().offset();
  if (frame.has_member()) return frame.member().offset();
  return 0;
}

std::vector<std::string> Kinds(const std::vector<v1::ServerFrame>& frames) {
  std::vector<std::string> kinds;
  for (const v1::ServerFrame& frame : frames) {
    if (frame.has_event()) {
      kinds.push_back("event:" + frame.event().event());
    } else {
      kinds.push_back(frame.has_patch() ? "patch" : frame.has_member() ? "member" : "other");
    }
  }
  return kinds;
}

std::vector<std::string> Texts(const std::vector<v1::ServerFrame>& frames) {
  std::vector<std::string> texts;
  for (const v1::ServerFrame& frame : frames) texts.push_back(frame.ShortDebugString());
  return texts;
}

std::vector<uint64_t> Offsets(const std::vector<v1::ServerFrame>& frames) {
  std::vector<uint64_t> offsets;
  for (const v1::ServerFrame& frame : frames) offsets.push_back(OffsetOf(frame));
  return offsets;
}

v1::ClientFrame EmitFrame(const std::string& room, const std::string& event, const std::string& data) {
  v1::ClientFrame frame;
  frame.mutable_emit()->set_room_id(room);
  frame.mutable_emit()->set_event(event);
  if (!data.empty()) *frame.mutable_emit()->mutable_data() = JsonValue(data);
  return frame;
}

v1::ClientFrame JoinFrame(const std::string& room, const std::string& initial_state) {
  v1::ClientFrame frame;
  frame.mutable_join()->set_room_id(room);
  if (!initial_state.empty()) *frame.mutable_join()->mutable_initial_state() = JsonValue(initial_state);
  return frame;
}

v1::ClientFrame LeaveFrame(const std::string& room) {
  v1::ClientFrame frame;
  frame.mutable_leave()->set_room_id(room);
  return frame;
}

}  // namespace atrium
