// What bounds connections: of the process, of an address, of a door, and what they are turned away with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/support/grpc_stubs.h"
#include "tests/support/matchers.h"
#include "tests/support/raw_websocket.h"
#include "tests/support/tcp_socket.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using RoomStub = v1::RoomService::Stub;

// Whether a new connection to the port is closed within that time, without a byte.
bool TurnedAway(uint16_t port, absl::Duration patience = kPatience) {
  TcpSocket socket(port);
  std::string nothing;
  return !socket.Receive(nothing, absl::Now() + patience) && socket.ended();
}
bool LetIn(uint16_t port) { return !TurnedAway(port, absl::Milliseconds(300)); }

grpc::Status Emit(const std::shared_ptr<grpc::Channel>& channel, bool compressed = false) {
  const std::unique_ptr<RoomStub> rooms = v1::RoomService::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
  if (compressed) context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  v1::EmitRequest request;
  request.set_room_id("geral");
  request.set_event("news");
  request.mutable_data()->set_string_value(std::string(1000, 'x'));
  v1::EmitResponse response;
  return rooms->Emit(&context, request, &response);
}

TEST(ConnectionLimitsTest, OneAddressHasSoManyThatHaveNotSaidHello) {
  TestServer server({"--max-connections-per-address=4"});
  std::vector<std::unique_ptr<RawWebSocket>> silent;
  for (int i = 0; i < 4; ++i) silent.push_back(std::make_unique<RawWebSocket>(server.http_port()));
  EXPECT_TRUE(TurnedAway(server.http_port()));
  EXPECT_TRUE(TurnedAway(server.grpc_port())) << "one count for all doors";
  EXPECT_TRUE(LetIn(server.admin_port())) << "whoever operates it comes in";
  EXPECT_GE(server.Metric("atrium_refusals_total{limit=\"connections_per_address\"}"), 2);

  silent.front()->SendText(R"({"hello":{}})");
  EXPECT_THAT(silent.front()->ReadMessage(), HasSubstr("welcome"));
  const RawWebSocket fifth(server.http_port());
  EXPECT_TRUE(TurnedAway(server.http_port()));
  silent.pop_back();
  EXPECT_TRUE(Eventually([&] { return LetIn(server.http_port()); })) << "who goes makes room";
}

TEST(ConnectionLimitsTest, WebSocketsHaveALimitOfTheirOwn) {
  TestServer server({"--max-websockets=2"});
  std::vector<std::unique_ptr<RawWebSocket>> open;
  for (int i = 0; i < 2; ++i) open.push_back(std::make_unique<RawWebSocket>(server.http_port()));
  HttpReply refused;
  EXPECT_TRUE(Eventually([&] {
    refused = CallHttp(server.http_port(), {.path = "/ws",
                                            .headers = {{"Upgrade", "websocket"},
                                                        {"Connection", "Upgrade"},
                                                        {"Sec-WebSocket-Version", "13"},
                                                        {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}}});
    return refused.status == 503;
  }));
  EXPECT_THAT(refused.body, AllOf(HasSubstr("LIMIT"), HasSubstr("there are 2 WebSockets")));
  EXPECT_EQ(refused.headers["retry-after"], "5");
  EXPECT_EQ(server.Get("/api/rooms").status, 200) << "all else is served";
  EXPECT_GE(server.Metric("atrium_refusals_total{limit=\"websockets\"}"), 1);
}

TEST(ConnectionLimitsTest, GrpcHasALimitOfConnections) {
  TestServer server({"--max-grpc-connections=2"});
  const auto first = GrpcChannel(server.grpc_port());
  EXPECT_TRUE(Emit(first).ok());
  auto second = std::make_unique<TcpSocket>(server.grpc_port());
  ASSERT_TRUE(Eventually([&] { return !LetIn(server.grpc_port()); }));
  EXPECT_TRUE(Emit(first).ok());
  second = nullptr;
  EXPECT_TRUE(Eventually([&] { return LetIn(server.grpc_port()); })) << "who goes makes room";
  EXPECT_GE(server.Metric("atrium_refusals_total{limit=\"grpc_connections\"}"), 1);
}

TEST(ConnectionLimitsTest, AConnectionHasSoManyCalls) {
  TestServer server({"--max-grpc-streams=3"});
  std::vector<std::unique_ptr<TestClient>> streams;
  const auto channel = GrpcChannel(server.grpc_port());
  const auto sessions = v1::SessionService::NewStub(channel);
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReaderWriter<v1::ClientFrames, v1::ServerFrames>>> calls;
  for (int i = 0; i < 3; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    calls.push_back(sessions->Connect(contexts.back().get()));
    v1::ClientFrames hello;
    hello.add_frames()->mutable_hello();
    ASSERT_TRUE(calls.back()->Write(hello));
    v1::ServerFrames welcome;
    ASSERT_TRUE(calls.back()->Read(&welcome));
  }
  const auto rooms = v1::RoomService::NewStub(channel);
  grpc::ClientContext late;
  late.set_deadline(absl::ToChronoTime(absl::Now() + absl::Milliseconds(300)));
  v1::GetStatsResponse stats;
  EXPECT_THAT(rooms->GetStats(&late, {}, &stats), StatusIs(absl::StatusCode::kDeadlineExceeded));
  contexts.front()->TryCancel();
  EXPECT_TRUE(Emit(channel).ok()) << "an end makes room";
  for (const auto& context : contexts) context->TryCancel();
}

TEST(ConnectionLimitsTest, GrpcTakesNoCompressedMessages) {
  const TestServer server;
  const auto channel = GrpcChannel(server.grpc_port());
  EXPECT_THAT(Emit(channel, /*compressed=*/true), StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("identity")));
  EXPECT_TRUE(Emit(channel).ok());

  const auto sessions = v1::SessionService::NewStub(channel);
  grpc::ClientContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  const auto call = sessions->Connect(&context);
  v1::ClientFrames hello;
  hello.add_frames()->mutable_hello()->set_client(std::string(100, 'x'));
  call->Write(hello);
  v1::ServerFrames goodbye;
  ASSERT_TRUE(call->Read(&goodbye));
  EXPECT_EQ(goodbye.frames(0).goodbye().code(), 1003u);
  EXPECT_FALSE(call->Read(&goodbye));
  EXPECT_THAT(call->Finish(), StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("identity")));
}

TEST(ConnectionLimitsTest, SilentGrpcConnectionsAreCut) {
  const TestServer server;
  TcpSocket silent(server.grpc_port());
  std::string settings;
  while (silent.Receive(settings, absl::Now() + kPatience)) {
  }
  EXPECT_TRUE(silent.ended());
}

TEST(ConnectionLimitsTest, GrpcTakesNoLargeMetadata) {
  const TestServer server;
  const auto rooms = v1::RoomService::NewStub(GrpcChannel(server.grpc_port()));
  for (const bool fits : {true, false}) {
    grpc::ClientContext context;
    context.AddMetadata("x-note", std::string(fits ? 14'000 : 17'000, 'x'));
    v1::GetStatsResponse stats;
    EXPECT_THAT(rooms->GetStats(&context, {}, &stats),
                StatusIs(fits ? absl::StatusCode::kOk : absl::StatusCode::kResourceExhausted));
  }
}

// With --dev whoever reaches a door may do all, so that pages of others must not reach one.
TEST(ConnectionLimitsTest, PagesOfOthersAreRefused) {
  const TestServer server;
  const auto emit = [&](const std::string& host, const std::string& origin) {
    HttpCall call{
        .method = "POST", .path = "/api/rooms/geral/emit", .headers = {{"Host", host}}, .body = R"({"event":"x"})"};
    if (!origin.empty()) call.headers["Origin"] = origin;
    return CallHttp(server.http_port(), call);
  };
  EXPECT_EQ(emit("localhost", "").status, 200);
  EXPECT_EQ(emit("127.0.0.1", "http://localhost:5173").status, 200);
  const HttpReply foreign = emit("localhost", "https://evil.example");
  EXPECT_EQ(foreign.status, 403);
  EXPECT_THAT(foreign.body, AllOf(HasSubstr("ORIGIN_NOT_ALLOWED"), HasSubstr("https://evil.example")));
  const HttpReply rebound = emit("evil.example", "http://evil.example");
  EXPECT_EQ(rebound.status, 403);
  EXPECT_THAT(rebound.body, HasSubstr("HOST_NOT_ALLOWED"));

  const std::map<std::string, std::string> handshake = {{"Upgrade", "websocket"},
                                                        {"Connection", "Upgrade"},
                                                        {"Sec-WebSocket-Version", "13"},
                                                        {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  for (const char* origin : {"null", "https://evil.example"}) {
    HttpCall call{.path = "/ws", .headers = handshake};
    call.headers["Origin"] = origin;
    EXPECT_EQ(CallHttp(server.http_port(), call).status, 403) << origin;
  }
  EXPECT_EQ(CallHttp(server.admin_port(), {.path = "/metrics", .headers = {{"Host", "evil.example"}}}).status, 403);
}

TEST(ConnectionLimitsTest, TheTwoHttpPortsHaveWhatIsTheirs) {
  const TestServer server;
  EXPECT_EQ(server.Get("/healthz").status, 200);
  for (const char* path : {"/metrics", "/readyz", "/livez", "/startupz"}) {
    EXPECT_EQ(server.Get(path).status, 404) << path;
    EXPECT_EQ(server.GetFromAdmin(path).status, 200) << path;
  }
  for (const char* path : {"/", "/healthz", "/ws", "/api/rooms"})
    EXPECT_EQ(server.GetFromAdmin(path).status, 404) << path;
}

}  // namespace
}  // namespace atrium
