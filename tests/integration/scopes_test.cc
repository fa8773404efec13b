// Who may call which method, at each door: services by the scopes of their keys, users by the grants of their tokens.
#include <gmock/gmock.h>
#include <google/api/annotations.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/rpc/error_info.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/support/credentials.h"
#include "tests/support/grpc_stubs.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using ::testing::AnyOf;
using ::testing::Not;

const google::protobuf::DescriptorPool& Pool() { return *google::protobuf::DescriptorPool::generated_pool(); }

std::vector<const google::protobuf::MethodDescriptor*> UnaryMethods() {
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  for (const char* service : {"atrium.v1.RoomService", "atrium.v1.SessionService"}) {
    const google::protobuf::ServiceDescriptor& type = *Pool().FindServiceByName(service);
    for (int i = 0; i < type.method_count(); ++i) {
      if (!type.method(i)->server_streaming()) methods.push_back(type.method(i));
    }
  }
  return methods;
}

enum class By { kRest, kGrpc };

class ScopesTest : public ::testing::TestWithParam<By> {
 protected:
  // Calls a method about the room `geral`, if it is about one. Returns the reason of its error; empty for none.
  std::string Call(const google::protobuf::MethodDescriptor& method, const std::string& credential) const {
    return GetParam() == By::kRest ? CallRest(method, credential) : CallGrpc(method, credential);
  }
  std::string Call(const std::string& name, const std::string& credential) const {
    return Call(*Pool().FindMethodByName(name), credential);
  }

  TestCredentials credentials_{{TestCredentials::Key("chat", R"([{methods: [Emit, "Get*"], rooms: ["chat:*"]}])"),
                                TestCredentials::Key("reader", R"([{methods: ["Get*", "List*"]}])"),
                                TestCredentials::Key("emitter", "[{methods: [Emit]}]"),
                                TestCredentials::Key("old", R"([{methods: ["*"]}], expires: 2020-01-01T00:00:00Z)")}};
  const TestServer server_{credentials_.Flags()};

 private:
  std::string CallRest(const google::protobuf::MethodDescriptor& method, const std::string& credential) const {
    const google::api::HttpRule& rule = method.options().GetExtension(google::api::http);
    HttpCall call{.method = "GET", .path = rule.get()};
    if (!rule.post().empty()) call = {.method = "POST", .path = rule.post()};
    if (!rule.patch().empty()) call = {.method = "PATCH", .path = rule.patch()};
    if (!rule.delete_().empty()) call = {.method = "DELETE", .path = rule.delete_()};
    call.path = absl::StrReplaceAll(
        call.path, {{"{room_id}", "geral"}, {"{member_id}", "m"}, {"{method}", "m"}, {"{session_id}", "s"}});
    EXPECT_FALSE(absl::StrContains(call.path, "{")) << call.path;
    if (!rule.body().empty()) call.body = "{}";
    if (!credential.empty()) call.headers["authorization"] = "Bearer " + credential;
    const HttpReply reply = CallHttp(server_.http_port(), call);
    if (reply.status == 200) return "";
    const std::string reason = TextOf(reply.Json().at("details").at(0).at("reason"));
    const bool unauthenticated = absl::StartsWith(reason, "TOKEN_");
    EXPECT_EQ(reply.status == 401, unauthenticated) << method.full_name();
    EXPECT_EQ(reply.headers.count("www-authenticate"), unauthenticated ? 1u : 0u);
    return reason;
  }

  std::string CallGrpc(const google::protobuf::MethodDescriptor& method, const std::string& credential) const {
    google::protobuf::DynamicMessageFactory factory;
    const std::unique_ptr<google::protobuf::Message> request(factory.GetPrototype(method.input_type())->New());
    if (const auto* room = method.input_type()->FindFieldByName("room_id")) {
      request->GetReflection()->SetString(request.get(), room, "geral");
    }
    const grpc::Slice slice(request->SerializeAsString());
    const grpc::ByteBuffer bytes(&slice, 1);
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
    if (!credential.empty()) context.AddMetadata("authorization", "Bearer " + credential);
    grpc::GenericStub stub(GrpcChannel(server_.grpc_port()));
    grpc::CompletionQueue queue;
    const auto call = stub.PrepareUnaryCall(
        &context, absl::StrCat("/", method.service()->full_name(), "/", method.name()), bytes, &queue);
    call->StartCall();
    grpc::ByteBuffer answer;
    grpc::Status status;
    call->Finish(&answer, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    if (status.ok()) return "";
    google::rpc::Status error;
    google::rpc::ErrorInfo info;
    EXPECT_TRUE(error.ParseFromString(status.error_details()) && error.details(0).UnpackTo(&info)) << method.name();
    EXPECT_EQ(status.error_code() == grpc::StatusCode::UNAUTHENTICATED, absl::StartsWith(info.reason(), "TOKEN_"));
    return info.reason();
  }
};

INSTANTIATE_TEST_SUITE_P(Doors, ScopesTest, ::testing::Values(By::kRest, By::kGrpc),
                         [](const auto& info) { return info.param == By::kRest ? "Rest" : "Grpc"; });

const auto kLetThrough =
    Not(AnyOf("TOKEN_MISSING", "TOKEN_INVALID", "SCOPE_MISSING", "GRANT_MISSING", "SERVER_CODE_ONLY", "NOT_A_MEMBER"));

TEST_P(ScopesTest, WhoShowsNothingGoodMayDoNothing) {
  for (const auto* method : UnaryMethods()) {
    EXPECT_EQ(Call(*method, ""), "TOKEN_MISSING") << method->name();
    const std::string secret = TestCredentials::Secret("all");
    for (const std::string& bad :
         {std::string("x"), TestCredentials::Secret("other"), secret.substr(0, secret.size() - 1) + "y",
          TestCredentials::Secret("old"), TokenMaker("HS256").Make("{}")}) {
      EXPECT_EQ(Call(*method, bad), "TOKEN_INVALID") << method->name() << " with " << bad;
    }
  }
}

TEST_P(ScopesTest, ServicesMayDoWhatTheirScopesSay) {
  for (const auto* method : UnaryMethods()) {
    EXPECT_THAT(Call(*method, TestCredentials::Secret("all")), kLetThrough) << method->name();
    EXPECT_EQ(Call(*method, TestCredentials::Secret("chat")), "SCOPE_MISSING") << method->name();
    const bool reads = absl::StartsWith(method->name(), "Get") || absl::StartsWith(method->name(), "List");
    const std::string reader = Call(*method, TestCredentials::Secret("reader"));
    if (reads) {
      EXPECT_THAT(reader, kLetThrough) << method->name();
    } else {
      EXPECT_EQ(reader, "SCOPE_MISSING") << method->name();
    }
  }
}

// The reason for a user without a grant, and for one with all of them who has no session.
struct ForUsers {
  std::string without;
  testing::Matcher<std::string> with;
};

TEST_P(ScopesTest, UsersMayDoWhatTheirGrantsSay) {
  const ForUsers services{"SERVER_CODE_ONLY", "SERVER_CODE_ONLY"};
  // What is wrong with a request is told first.
  const ForUsers members{"GRANT_MISSING", AnyOf("NOT_A_MEMBER", "INVALID_FIELD")};
  const ForUsers readers{"GRANT_MISSING", "ROOM_NOT_FOUND"};
  const std::map<std::string, ForUsers> expectations = {
      {"Emit", members},    {"SetState", members},   {"Call", members},        {"GetState", readers},
      {"GetRoom", readers}, {"GetHistory", readers}, {"ListMembers", readers}, {"ListRooms", {"", ""}},
  };
  const std::string without = credentials_.Token("ana");
  const std::string with = credentials_.Token(
      "bea",
      R"([{"room":"geral","can":["join","emit","set_state","call","watch","history","members"],"methods":["m",""]}])");
  for (const auto* method : UnaryMethods()) {
    const auto found = expectations.find(method->name());
    const ForUsers& expected = found == expectations.end() ? services : found->second;
    EXPECT_EQ(Call(*method, without), expected.without) << method->name();
    EXPECT_THAT(Call(*method, with), expected.with) << method->name();
  }
}

class ServiceTest : public ScopesTest {
 protected:
  HttpReply Do(const std::string& credential, HttpCall call) const {
    call.headers["Authorization"] = "Bearer " + credential;
    return CallHttp(server_.http_port(), call);
  }
};

INSTANTIATE_TEST_SUITE_P(Rest, ServiceTest, ::testing::Values(By::kRest));

TEST_P(ServiceTest, UsersActAsTheMemberThatTheyAre) {
  const std::string token = credentials_.Token("ana", R"([{"room":"geral","can":["join","emit","watch"]}])");
  TestClient ana(server_, Door::kJson, token);
  ASSERT_TRUE(ana.Join("geral").has_join());
  TestClient bea(server_, Door::kJson, credentials_.Token("bea", R"([{"room":"geral","can":["join"]}])"));
  ASSERT_TRUE(bea.Join("geral").has_join());
  const HttpCall emit{.method = "POST", .path = "/api/rooms/geral/emit", .body = R"({"event":"hi"})"};
  EXPECT_EQ(Do(token, emit).Json().at("notified"), 1);
  const v1::RoomEvent event = bea.WaitForEvent("geral", "hi");
  EXPECT_EQ(event.sender_id(), ana.id());
  EXPECT_EQ(event.sender_user_id(), "ana");
  // As nobody else.
  const HttpCall as_bea{.method = "POST",
                        .path = "/api/rooms/geral/emit",
                        .body = absl::StrCat(R"({"event":"hi","memberId":")", bea.id(), "\"}")};
  EXPECT_EQ(Do(token, as_bea).Json().at("message"), "Not a member of this room");
  EXPECT_EQ(Do(token, {.path = "/api/rooms/geral"}).Json().at("memberCount"), 2);
}

TEST_P(ServiceTest, ListsToUsersTheRoomsThatTheyMayWatch) {
  const std::string all = TestCredentials::Secret("all");
  for (const char* room : {"news", "secret"}) {
    Do(all, {.method = "PATCH", .path = absl::StrCat("/api/rooms/", room, "/state"), .body = R"({"state":{"a":1}})"});
  }
  EXPECT_EQ(Do(all, {.path = "/api/rooms"}).Json().at("rooms").as_array().size(), 2u);
  const std::string token =
      credentials_.Token("ana", R"([{"room":"n*","can":["watch"]},{"room":"secret","can":["join"]}])");
  const auto rooms = Do(token, {.path = "/api/rooms"}).Json();
  ASSERT_EQ(rooms.at("rooms").as_array().size(), 1u);
  EXPECT_EQ(rooms.at("rooms").at(0).at("id"), "news");
}

TEST_P(ServiceTest, KeepsIdempotencyKeysOfEachCallerApart) {
  // A user whose name is the id of a key is another.
  const std::string token = credentials_.Token("all", R"([{"room":"geral","can":["join","emit"]}])");
  TestClient member(server_, Door::kJson, token);
  ASSERT_TRUE(member.Join("geral").has_join());
  const auto emit = [&](const std::string& credential) {
    const HttpCall call{
        .method = "POST", .path = "/api/rooms/geral/emit", .body = R"({"event":"hi","idempotencyKey":"1"})"};
    return TextOf(Do(credential, call).Json().at("position").at("offset"));
  };
  const std::string by_service = emit(TestCredentials::Secret("all"));
  const std::string by_other = emit(TestCredentials::Secret("emitter"));
  const std::string by_user = emit(token);
  EXPECT_NE(by_service, by_other);
  EXPECT_NE(by_service, by_user);
  EXPECT_EQ(emit(TestCredentials::Secret("all")), by_service);
  EXPECT_EQ(emit(TestCredentials::Secret("emitter")), by_other);
  EXPECT_EQ(emit(token), by_user);
}

TEST_P(ServiceTest, WatchesNeedTheSame) {
  const auto watch = [&](const std::string& token) {
    HttpCall call{.path = "/api/rooms/geral/events"};
    if (!token.empty()) call.headers["authorization"] = "Bearer " + token;
    call.headers["accept"] = "application/json";
    return CallHttp(server_.http_port(), call).status;
  };
  EXPECT_EQ(watch(""), 401);
  EXPECT_EQ(watch(credentials_.Token("ana")), 403);
  EXPECT_EQ(watch(TestCredentials::Secret("chat")), 403);
}

TEST_P(ServiceTest, WatchesEndWithTheToken) {
  const std::string token =
      credentials_.TokenWith("ana", {.rooms = R"([{"room":"geral","can":["watch"]}])", .ttl = absl::Seconds(2)});
  TestServer::Flags flags = credentials_.Flags();
  flags.push_back("--client-leeway=0s");
  const TestServer server(flags);
  const auto rooms = v1::RoomService::NewStub(GrpcChannel(server.grpc_port()));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
  context.AddMetadata("authorization", "Bearer " + token);
  v1::WatchRequest request;
  request.set_room_id("geral");
  const auto watch = rooms->Watch(&context, request);
  v1::ServerFrames frames;
  EXPECT_TRUE(watch->Read(&frames));
  EXPECT_FALSE(watch->Read(&frames));
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_P(ServiceTest, TellsWhatWasMissing) {
  const auto error = Do(TestCredentials::Secret("chat"), {.path = "/api/rooms/geral"}).Json();
  EXPECT_EQ(error.at("message"), "No scope of key:chat allows GetRoom in room 'geral'");
  const auto& metadata = error.at("details").at(0).at("metadata");
  EXPECT_EQ(metadata.at("method"), "GetRoom");
  EXPECT_EQ(metadata.at("room"), "geral");
  EXPECT_EQ(metadata.at("key_id"), "key:chat");
  EXPECT_EQ(Do(TestCredentials::Secret("chat"), {.path = "/api/rooms/chat:a"}).status, 404);
  // Two credentials are none.
  HttpCall two{.path = "/api/rooms"};
  two.headers = {{"authorization", "Bearer " + TestCredentials::Secret("all")},
                 {"x-api-key", TestCredentials::Secret("all")}};
  EXPECT_EQ(CallHttp(server_.http_port(), two).status, 401);
  EXPECT_EQ(CallHttp(server_.http_port(), {.path = "/healthz"}).status, 200);
  EXPECT_EQ(CallHttp(server_.http_port(), {.path = "/api/nothing"}).status, 404);
}

}  // namespace
}  // namespace atrium
