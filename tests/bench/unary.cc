#include "tests/bench/unary.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <csignal>
#include <deque>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/time/clock.h"
#include "atrium/v1/rooms.grpc.pb.h"
#include "tests/bench/check.h"

namespace atrium::bench {
namespace {

constexpr int kChannels = 4;
constexpr int kInFlight = 64;
constexpr char kRoom[] = "bench-unary";

class EchoService final : public v1::RoomService::CallbackService {
  ::grpc::ServerUnaryReactor* Emit(::grpc::CallbackServerContext* context, const v1::EmitRequest* request,
                                   v1::EmitResponse* response) override {
    response->set_success(true);
    response->set_event(request->event());
    response->set_room_id(request->room_id());
    response->mutable_position()->set_epoch("0123456789abcdef");
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

std::unique_ptr<v1::RoomService::Stub> Connect(uint16_t port) {
  ::grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
  return v1::RoomService::NewStub(
      ::grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port), ::grpc::InsecureChannelCredentials(), arguments));
}

void CheckOk(const ::grpc::Status& status) {
  if (!status.ok()) Fail(absl::StrCat("a call failed: ", status.error_message()));
}

void CreateRoom(v1::RoomService::Stub& stub) {
  ::grpc::ClientContext context;
  v1::SetStateRequest request;
  request.set_room_id(kRoom);
  (*request.mutable_state()->mutable_struct_value()->mutable_fields())["open"].set_bool_value(true);
  v1::SetStateResponse response;
  CheckOk(stub.SetState(&context, request, &response));
}

}  // namespace

int ServeUnaryEcho() {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  EchoService service;
  ::grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", ::grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<::grpc::Server> server = builder.BuildAndStart();
  Check(server != nullptr, "the echo server cannot listen");
  SayReady("grpc", static_cast<uint16_t>(port));
  int signal = 0;
  sigwait(&stop, &signal);
  server->Shutdown();
  return 0;
}

class UnaryLoad::Calls {
 public:
  explicit Calls(uint16_t port) {
    for (int i = 0; i < kChannels; ++i) stubs_.push_back(Connect(port));
    for (int i = 0; i < kInFlight; ++i) slots_.emplace_back().stub = stubs_[i % kChannels].get();
  }

  v1::RoomService::Stub& stub() { return *stubs_.front(); }

  // Returns how many calls were made.
  int64_t Run(absl::Duration duration) {
    made_ = 0;
    running_ = true;
    absl::BlockingCounter ended(kInFlight);
    for (Slot& slot : slots_) Start(slot, ended);
    absl::SleepFor(duration);
    running_ = false;
    ended.Wait();
    return made_;
  }

 private:
  struct Slot {
    v1::RoomService::Stub* stub = nullptr;
    std::optional<::grpc::ClientContext> context;
    v1::EmitResponse response;
  };

  void Start(Slot& slot, absl::BlockingCounter& ended) {
    slot.context.emplace();
    slot.stub->async()->Emit(&*slot.context, &request_, &slot.response, [&](::grpc::Status status) {
      CheckOk(status);
      Check(slot.response.success(), "an Emit was no success");
      made_.fetch_add(1, std::memory_order_relaxed);
      if (running_) return Start(slot, ended);
      ended.DecrementCount();
    });
  }

  const v1::EmitRequest request_ = MakeRequest();
  std::vector<std::unique_ptr<v1::RoomService::Stub>> stubs_;
  std::deque<Slot> slots_;
  std::atomic<int64_t> made_{0};
  std::atomic<bool> running_{false};
};

UnaryLoad::UnaryLoad(const ChildProcess& server, bool create_room)
    : server_(server), calls_(std::make_unique<Calls>(server.Port("grpc"))) {
  if (create_room) CreateRoom(calls_->stub());
}

UnaryLoad::~UnaryLoad() = default;

double UnaryLoad::Run(absl::Duration duration) {
  const absl::Duration before = server_.CpuTime();
  const int64_t made = calls_->Run(duration);
  return static_cast<double>(made) / absl::ToDoubleSeconds(server_.CpuTime() - before);
}

}  // namespace atrium::bench
