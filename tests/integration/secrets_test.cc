// What must not leave the server, or must not reach others, is planted wherever it is kept; then every frame, every
// RPC, the metrics and the log are searched for it.
#include <gmock/gmock.h>
#include <google/protobuf/dynamic_message.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "atrium/v1/rooms.grpc.pb.h"
#include "rooms/chat.pb.h"
#include "server/live/authoring/live_room.h"
#include "server/live/authoring/room_registry.h"
#include "tests/support/grpc_stubs.h"
#include "tests/support/room_reader.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using testing::HasSubstr;
using testing::Not;

// Each planted text begins so.
constexpr char kPlanted[] = "PLANTED";

rooms::ChatMessage Text(const std::string& text) {
  rooms::ChatMessage message;
  message.set_text(text);
  return message;
}

class VaultRoom final : public LiveRoom<rooms::ChatState, rooms::ChatMeta> {
 public:
  static constexpr absl::string_view kName = "vault";
  static void Describe(RoomType<VaultRoom>& type) {
    type.Method("whisper", &VaultRoom::Whisper).Method("boom", &VaultRoom::Boom);
    type.FromMembers<rooms::ChatMessage>("note");
  }

  Awaitable<absl::Status> OnJoin(JoinContext& join) override {
    join.membership = std::string("PLANTED-membership");
    MutateMeta([](rooms::ChatMeta& meta) { meta.set_creator_user_id("PLANTED-meta"); });
    Mutate([&](rooms::ChatState& state) { state.set_online_count(MemberCount() + 1); });
    co_return absl::OkStatus();
  }
  void OnLeave(LeaveContext& leave) override { throw std::runtime_error(std::any_cast<std::string>(leave.membership)); }
  absl::Status OnEvent(const EventContext& event) override {
    return event.event == "refused" ? absl::PermissionDeniedError("not that") : absl::OkStatus();
  }

  // Tells `request.user` something, and all but the others.
  absl::StatusOr<rooms::ChatMessage> Whisper(const rooms::AddMessageRequest& request, const CallContext&) {
    Emit("whisper", Text("PLANTED-targeted"), {.to = {request.user()}});
    std::vector<std::string> others;
    for (const MemberInfo& member : Members()) {
      if (member.id != request.user()) others.push_back(member.id);
    }
    Emit("gossip", Text("PLANTED-excluded"), {.exclude = others});
    return Text("PLANTED-result");
  }
  absl::StatusOr<rooms::ChatMessage> Boom(const rooms::AddMessageRequest&, const CallContext&) {
    throw std::runtime_error("PLANTED-thrown");
  }
};

// Fills the fields of a request that are there by name.
void Fill(Message& request, const std::string& room, const std::string& member) {
  const auto& type = *request.GetDescriptor();
  const auto set = [&](const char* name, const std::string& value) {
    const FieldDescriptor* field = type.FindFieldByName(name);
    if (field != nullptr) request.GetReflection()->SetString(&request, field, value);
  };
  set("room_id", room);
  set("member_id", member);
  set("session_id", member);
  set("event", "seen");
  set("method", "no-such-method");
  set("text", "seen");
}

// What the call of any unary method comes back with, good or bad: its message or its status, as bytes.
std::string Answer(const std::shared_ptr<grpc::Channel>& channel, const MethodDescriptor& method,
                   const Message& request) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
  const grpc::Slice bytes(request.SerializeAsString());
  const grpc::ByteBuffer sent(&bytes, 1);
  grpc::ByteBuffer received;
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareUnaryCall(
      &context, absl::StrCat("/", method.service()->full_name(), "/", method.name()), sent, &queue);
  call->StartCall();
  grpc::Status status;
  call->Finish(&received, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  EXPECT_TRUE(queue.Next(&tag, &ok));
  std::string answer = status.error_message() + status.error_details();
  std::vector<grpc::Slice> slices;
  if (status.ok() && received.Dump(&slices).ok()) {
    for (const grpc::Slice& slice : slices) answer.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return answer;
}

// Those that end something come last.
std::vector<const MethodDescriptor*> UnaryMethods() {
  const std::set<std::string> last = {"Leave", "DestroyRoom", "DisconnectSession"};
  std::vector<const MethodDescriptor*> methods;
  for (const bool ends : {false, true}) {
    for (const char* name : {"atrium.v1.RoomService", "atrium.v1.SessionService"}) {
      const auto& service = *google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
      for (int i = 0; i < service.method_count(); ++i) {
        const MethodDescriptor& method = *service.method(i);
        if (method.client_streaming() || last.contains(method.name()) != ends) continue;
        if (method.server_streaming()) {
          EXPECT_EQ(method.name(), "Watch") << "another stream, which must be searched as this one is";
        } else {
          methods.push_back(&method);
        }
      }
    }
  }
  return methods;
}

// What a reader of a room gets up to an event of that name.
std::string WatchUntil(RoomReader& reader, const std::string& event) {
  std::string all;
  for (;;) {
    const std::optional<v1::ServerFrame> frame = reader.Read();
    EXPECT_TRUE(frame.has_value()) << "no " << event << " behind " << all;
    if (!frame) return all;
    absl::StrAppend(&all, frame->ShortDebugString(), "\n");
    if (frame->event().event() == event) return all;
  }
}

std::string AllFrames(const TestClient& client) {
  std::string all;
  for (const v1::ServerFrame& frame : client.frames()) absl::StrAppend(&all, frame.ShortDebugString(), "\n");
  return all;
}

class SecretsTest : public testing::Test {
 protected:
  HttpReply Bring(const std::string& room, const TestClient& client, const std::string& payload = "null") {
    return server_.Post(absl::StrCat("/api/rooms/", room, "/members"),
                        absl::StrCat(R"({"memberId":")", client.id(), R"(","payload":)", payload, "}"));
  }

  // What anybody may see: nothing that was planted, no hash, no address.
  void ExpectNoSecrets(const std::string& text, const std::string& where) {
    EXPECT_THAT(text, Not(HasSubstr(kPlanted))) << where;
    EXPECT_THAT(text, Not(HasSubstr("argon2"))) << where;
    EXPECT_THAT(text, Not(HasSubstr("127.0.0.1"))) << where;
  }

  // What was said to all but some is public to those who are not among these.
  void ExpectNoSecretsOfOthers(std::string text, const std::string& where) {
    EXPECT_THAT(text, HasSubstr("gossip")) << where;
    absl::StrReplaceAll({{"PLANTED-excluded", ""}}, &text);
    ExpectNoSecrets(text, where);
  }

  // Readers of a room by each door, from `since` on if that is given.
  std::vector<std::unique_ptr<RoomReader>> WatchByAllDoors(const std::string& room, const v1::Position* since) {
    std::vector<std::unique_ptr<RoomReader>> readers;
    for (const WatchDoor door : {WatchDoor::kGrpc, WatchDoor::kEvents, WatchDoor::kLines}) {
      readers.push_back(WatchRoom(door, server_.http_port(), server_.grpc_port(), room, since));
    }
    return readers;
  }

  TestServer server_{{"--log-level=debug"}, [](RoomRegistry& registry) { return registry.Add<VaultRoom>(); }};
};

TEST_F(SecretsTest, NothingPrivateLeavesOnAnyDoor) {
  testing::internal::CaptureStderr();
  TestClient target(server_, Door::kProto, "target");
  std::vector<std::unique_ptr<TestClient>> others;
  for (const Door door : {Door::kJson, Door::kProto, Door::kGrpc}) {
    others.push_back(std::make_unique<TestClient>(server_, door, "other"));
  }

  // A room that keeps things to itself.
  ASSERT_EQ(Bring("vault:a", target, R"({"token":"PLANTED-payload"})").status, 200);
  for (const auto& other : others) ASSERT_EQ(Bring("vault:a", *other).status, 200);
  const auto readers = WatchByAllDoors("vault:a", nullptr);
  v1::Position start;
  for (const auto& reader : readers) start = reader->Read().value_or(v1::ServerFrame()).snapshot().position();
  const std::string to_target = absl::StrCat(R"({"user":")", target.id(), "\"}");
  const HttpReply told = server_.Post("/api/rooms/vault:a/methods/whisper", to_target);
  EXPECT_THAT(told.body, HasSubstr("PLANTED-result"));  // A service may know.
  ExpectNoSecrets(server_.Post("/api/rooms/vault:a/methods/boom", "{}").body, "a method that throws");
  const std::string refused = R"({"event":"refused","data":{"text":"PLANTED-vetoed"}})";
  ExpectNoSecrets(server_.Post("/api/rooms/vault:a/emit", refused).body, "an event that is refused");

  // Those who follow it, from the start and afterwards.
  server_.Post("/api/rooms/vault:a/emit", R"({"event":"last"})");
  for (const auto& reader : readers) ExpectNoSecretsOfOthers(WatchUntil(*reader, "last"), "a watch");
  for (const auto& reader : WatchByAllDoors("vault:a", &start)) {
    ExpectNoSecretsOfOthers(WatchUntil(*reader, "last"), "a watch that goes on");
  }

  // A room with a password.
  const std::string secret = R"({"create":true,"password":"PLANTED-password"})";
  ASSERT_EQ(Bring("chat:den", target, secret).status, 200);
  for (const auto& other : others) {
    ExpectNoSecrets(Bring("chat:den", *other, R"({"password":"PLANTED-wrong"})").body, "a wrong password");
  }
  ASSERT_EQ(Bring("directory:main", *others[0]).status, 200);

  const auto channel = GrpcChannel(server_.grpc_port());
  for (const char* room : {"vault:a", "chat:den", "directory:main"}) {
    for (const MethodDescriptor* method : UnaryMethods()) {
      const std::unique_ptr<Message> request(
          google::protobuf::MessageFactory::generated_factory()->GetPrototype(method->input_type())->New());
      Fill(*request, room, others[2]->id());
      const std::string answer = Answer(channel, *method, *request);
      const std::string where = absl::StrCat(method->full_name(), " of ", room);
      if (method->name() == "GetHistory" && room == absl::string_view("vault:a")) {
        ExpectNoSecretsOfOthers(answer, where);
      } else {
        ExpectNoSecrets(answer, where);
      }
    }
    if (others[2] != nullptr) others[2] = std::make_unique<TestClient>(server_, Door::kGrpc, "another");
  }
  for (const char* path : {"/api/rooms", "/api/rooms/stats", "/api/sessions", "/api/room-types"}) {
    ExpectNoSecrets(server_.Get(path).body, path);
  }
  ExpectNoSecrets(server_.GetFromAdmin("/metrics").body, "/metrics");

  // The target got what was meant for it: the search would have found it elsewhere, too.
  target.WaitForEvent("vault:a", "whisper");
  target.WaitForEvent("vault:a", "gossip");
  EXPECT_THAT(AllFrames(target), HasSubstr("PLANTED-targeted"));
  for (const auto& other : others) {
    other->Ask(JoinFrame("anywhere"));  // What came before has come.
    ExpectNoSecrets(AllFrames(*other), DoorName(Door::kJson));
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("code threw"));
  EXPECT_THAT(log, Not(HasSubstr(kPlanted)));
  EXPECT_THAT(log, Not(HasSubstr("argon2")));
}

}  // namespace
}  // namespace atrium
