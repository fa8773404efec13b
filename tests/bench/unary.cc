#include "tests/bench/unary.h"

#include <grpcpp/server_builder.h>

#include <atomic>

#include "absl/time/clock.h"
#include "tests/bench/check.h"
#include "tests/bench/grpc_calls.h"

namespace atrium::bench {
namespace {

constexpr char kRoom[] = "bench-unary";

class EchoService final : public v1::RoomService::CallbackService {
  ::grpc::ServerUnaryReactor* Emit(::grpc::CallbackServerContext* context, const v1::EmitRequest* request,
                                   v1::EmitResponse* response) override {
    response->set_success(true);
    response->set_event(request->event());
    response->set_room_id(request->room_id());
    response->mutable_position()->set_epoch("0123456789abcde");
    response->mutable_position()->set_offset(1'000'000);
    ::grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(::grpc::Status::OK);
    return reactor;
  }
};

v1::EmitRequest MakeRequest() {
  v1::EmitRequest request;
  request.set_room_id(kRoom);
  request.set_event("tick");
  request.mutable_data()->set_string_value(std::string(64, 'x'));
  return request;
}

void CreateRoom(uint16_t port) {
  v1::SetStateRequest request;
  request.set_room_id(kRoom);
  (*request.mutable_state()->mutable_struct_value()->mutable_fields())["open"].set_bool_value(true);
  GrpcCalls<v1::SetStateRequest, v1::SetStateResponse>(port, &RoomMethods::SetState).Once(request);
}

}  // namespace

int ServeUnaryEcho() {
  const StopSignal stop;
  EchoService service;
  ::grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", ::grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<::grpc::Server> server = builder.BuildAndStart();
  Check(server != nullptr, "the echo server cannot listen");
  SayReady({{"grpc", static_cast<uint16_t>(port)}});
  stop.Wait();
  server->Shutdown();
  return 0;
}

struct UnaryLoad::Calls : GrpcCalls<v1::EmitRequest, v1::EmitResponse> {
  explicit Calls(uint16_t port) : GrpcCalls(port, &RoomMethods::Emit) {}
};

UnaryLoad::UnaryLoad(const ChildProcess& server, bool create_room)
    : server_(server), calls_(std::make_unique<Calls>(server.Port("grpc"))) {
  if (create_room) CreateRoom(server.Port("grpc"));
}

UnaryLoad::~UnaryLoad() = default;

double UnaryLoad::Run(absl::Duration duration) {
  const v1::EmitRequest request = MakeRequest();
  std::atomic<int64_t> made{0};
  std::atomic<bool> running{true};
  const absl::Duration before = server_.CpuTime();
  calls_->Start([&](v1::EmitRequest& next) {
    if (!running) return false;
    next = request;
    made.fetch_add(1, std::memory_order_relaxed);
    return true;
  });
  absl::SleepFor(duration);
  running = false;
  calls_->Wait();
  return static_cast<double>(made) / absl::ToDoubleSeconds(server_.CpuTime() - before);
}

}  // namespace atrium::bench
