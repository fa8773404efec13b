// gRPC itself: errors, health, broken bytes, and a stream that is not read.
#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/error_info.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "tests/support/grpc_stubs.h"
#include "tests/support/matchers.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using RoomStub = v1::RoomService::Stub;

// A call of any method by its name, in bytes.
class RawCall {
 public:
  RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method) : stub_(channel) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
    call_ = stub_.PrepareCall(&context_, method, &queue_);
    call_->StartCall(this);
    Wait();
  }
  ~RawCall() {
    context_.TryCancel();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  void Write(const std::string& bytes) {
    const grpc::Slice slice(bytes);
    call_->Write(grpc::ByteBuffer(&slice, 1), this);
    Wait();
  }
  // False at the end of the call.
  bool Read(std::string& bytes) {
    grpc::ByteBuffer buffer;
    call_->Read(&buffer, this);
    if (!Wait()) return false;
    grpc::Slice slice;
    EXPECT_TRUE(buffer.DumpToSingleSlice(&slice).ok());
    bytes.assign(reinterpret_cast<const char*>(slice.begin()), slice.size());
    return true;
  }
  grpc::Status Finish() {
    grpc::Status status;
    call_->Finish(&status, this);
    Wait();
    return status;
  }

 private:
  bool Wait() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
};

class GrpcTest : public testing::Test {
 protected:
  GrpcTest() : channel_(GrpcChannel(server_.grpc_port())), rooms_(v1::RoomService::NewStub(channel_)) {}

  // Each slow consumer's queue is smaller than the default, so that its test is quick.
  TestServer server_{{"--session-rate=0", "--send-queue-bytes=262144"}};
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<RoomStub> rooms_;
};

// What the details of `status` say: "reason field: description".
std::string Details(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), status.error_code());
  EXPECT_EQ(details.message(), status.error_message());
  google::rpc::ErrorInfo info;
  EXPECT_TRUE(details.details_size() > 0 && details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.domain(), "atrium");
  google::rpc::BadRequest bad;
  if (details.details_size() < 2 || !details.details(1).UnpackTo(&bad)) return info.reason();
  return absl::StrCat(info.reason(), " ", bad.field_violations(0).field(), ": ", bad.field_violations(0).description());
}

TEST_F(GrpcTest, NamesTheFieldAtFault) {
  v1::EmitRequest request;
  request.set_room_id("geral");
  v1::EmitResponse response;
  const grpc::Status status = CallGrpc(*rooms_, &RoomStub::Emit, request, response);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "event: must have 1 to 128 bytes"));
  EXPECT_EQ(Details(status), "INVALID_FIELD event: must have 1 to 128 bytes");

  v1::GetRoomRequest bad_name;
  bad_name.set_room_id("a b");
  v1::Room room;
  EXPECT_THAT(Details(CallGrpc(*rooms_, &RoomStub::GetRoom, bad_name, room)),
              HasSubstr("INVALID_ROOM_NAME roomId: Invalid room name."));

  v1::SetStateRequest state;
  state.set_room_id("geral");
  *state.mutable_state() = JsonValue("[1]");
  v1::SetStateResponse ignored;
  EXPECT_THAT(Details(CallGrpc(*rooms_, &RoomStub::SetState, state, ignored)), HasSubstr("INVALID_FIELD state: "));
}

TEST_F(GrpcTest, GivesAReasonForEachError) {
  v1::GetRoomRequest request;
  request.set_room_id("geral");
  v1::Room room;
  const grpc::Status absent = CallGrpc(*rooms_, &RoomStub::GetRoom, request, room);
  EXPECT_THAT(absent, StatusIs(absl::StatusCode::kNotFound, "Room 'geral' not found"));
  EXPECT_EQ(Details(absent), "ROOM_NOT_FOUND");

  v1::JoinRequest join;
  join.set_room_id("geral");
  join.set_member_id("s0-nobody");
  v1::JoinResponse joined;
  EXPECT_EQ(Details(CallGrpc(*rooms_, &RoomStub::Join, join, joined)), "SESSION_NOT_FOUND");
  join.clear_member_id();
  EXPECT_EQ(Details(CallGrpc(*rooms_, &RoomStub::Join, join, joined)),
            "INVALID_FIELD memberId: is required: the id of a session or component");
}

TEST_F(GrpcTest, CountsItsCalls) {
  v1::GetStatsResponse stats;
  EXPECT_THAT(CallGrpc(*rooms_, &RoomStub::GetStats, {}, stats), IsOk());
  EXPECT_TRUE(stats.success());
  v1::GetRoomRequest request;
  v1::Room room;
  EXPECT_THAT(CallGrpc(*rooms_, &RoomStub::GetRoom, request, room), StatusIs(absl::StatusCode::kInvalidArgument));
  constexpr char kLabels[] =
      "{grpc_code=\"$0\",grpc_method=\"$1\",grpc_service=\"atrium.v1.RoomService\",grpc_type=\"unary\"}";
  EXPECT_TRUE(
      server_.MetricReaches(absl::StrCat("grpc_server_handled_total", absl::Substitute(kLabels, "OK", "GetStats")), 1));
  EXPECT_TRUE(server_.MetricReaches(
      absl::StrCat("grpc_server_handled_total", absl::Substitute(kLabels, "InvalidArgument", "GetRoom")), 1));
}

// HealthCheckResponse.
constexpr char kServing[] = "\x08\x01";
constexpr char kNotServing[] = "\x08\x02";

std::string HealthCheckRequest(const std::string& service) {
  if (service.empty()) return "";
  return absl::StrCat("\x0a", std::string(1, static_cast<char>(service.size())), service);
}

TEST_F(GrpcTest, TellsItsHealth) {
  for (const std::string service : {"", "atrium.v1.RoomService", "atrium.v1.SessionService"}) {
    RawCall check(channel_, "/grpc.health.v1.Health/Check");
    check.Write(HealthCheckRequest(service));
    std::string answer;
    EXPECT_TRUE(check.Read(answer));
    EXPECT_EQ(answer, kServing);
    EXPECT_THAT(check.Finish(), IsOk());
  }
  RawCall unknown(channel_, "/grpc.health.v1.Health/Check");
  unknown.Write(HealthCheckRequest("nobody"));
  std::string answer;
  EXPECT_FALSE(unknown.Read(answer));
  EXPECT_THAT(unknown.Finish(), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(GrpcTest, AWatchOfAnUnknownServiceSaysSoAndStays) {
  RawCall watch(channel_, "/grpc.health.v1.Health/Watch");
  watch.Write(HealthCheckRequest("nobody"));
  std::string answer;
  ASSERT_TRUE(watch.Read(answer));
  EXPECT_EQ(answer, "\x08\x03");
  // It is the server that ends it.
  server_.Drain();
  EXPECT_FALSE(watch.Read(answer));
}

TEST_F(GrpcTest, TellsThatItStops) {
  RawCall watch(channel_, "/grpc.health.v1.Health/Watch");
  watch.Write("");
  std::string answer;
  ASSERT_TRUE(watch.Read(answer));
  EXPECT_EQ(answer, kServing);
  server_.Drain();
  ASSERT_TRUE(watch.Read(answer));
  EXPECT_EQ(answer, kNotServing);
}

// gRPC's own word for that is INTERNAL, which tells of a fault of the server.
TEST_F(GrpcTest, ARequestThatDoesNotParseIsTheCallersFault) {
  // Field 1 of each request that has one is a string, or takes no bytes.
  const std::string not_utf8 = "\x0a\x02\xff\xfe";
  std::vector<std::string> methods = {"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"};
  for (const char* const name : {"atrium.v1.RoomService", "atrium.v1.SessionService"}) {
    const auto& service = *google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    for (int i = 0; i < service.method_count(); ++i) {
      // Connect says goodbye first; see CutsAStreamOfBrokenBytes.
      if (service.method(i)->client_streaming()) continue;
      methods.push_back(absl::StrCat("/", name, "/", service.method(i)->name()));
    }
  }
  for (const std::string& method : methods) {
    const bool has_fields = !absl::StrContains(method, "GetStats") && !absl::StrContains(method, "ListRoomTypes");
    const bool has_string =
        has_fields && !absl::StrContains(method, "/ListRooms") && !absl::StrContains(method, "/ListSessions");
    std::vector<std::string> broken = {"\xff\xff\xff", std::string("\x0a\x7fx", 3)};
    if (has_string) broken.push_back(not_utf8);
    for (const std::string& bytes : broken) {
      RawCall call(channel_, method);
      call.Write(bytes);
      std::string answer;
      EXPECT_FALSE(call.Read(answer)) << method;
      EXPECT_THAT(call.Finish(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not a serialised ")))
          << method;
    }
  }
  v1::GetStatsResponse stats;
  EXPECT_THAT(CallGrpc(*rooms_, &RoomStub::GetStats, {}, stats), IsOk());
}

// Trailers of more than 8 KiB make RESOURCE_EXHAUSTED of any error, and clients ask again.
TEST_F(GrpcTest, AnErrorFitsIntoTrailersWhateverItIsAbout) {
  for (const std::string& name : {std::string(20'000, 'n'), std::string(3500, 'n'), std::string(20'000, '\n'),
                                  absl::StrCat("olá\x01", std::string(20'000, 'n'))}) {
    v1::CallRequest call;
    call.set_room_id("counter:global");
    call.set_method(name);
    v1::CallResponse called;
    EXPECT_THAT(CallGrpc(*rooms_, &RoomStub::Call, call, called),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("have no method '")));
    v1::JoinRequest join;
    join.set_room_id("geral");
    join.set_member_id(name);
    v1::JoinResponse joined;
    EXPECT_THAT(CallGrpc(*rooms_, &RoomStub::Join, join, joined), StatusIs(absl::StatusCode::kNotFound));
    v1::LeaveRequest leave;
    leave.set_room_id("geral");
    leave.set_member_id(name);
    v1::LeaveResponse left;
    EXPECT_THAT(CallGrpc(*rooms_, &RoomStub::Leave, leave, left), StatusIs(absl::StatusCode::kNotFound));
    v1::GetRoomRequest get;
    get.set_room_id(name);
    v1::Room room;
    EXPECT_THAT(CallGrpc(*rooms_, &RoomStub::GetRoom, get, room), StatusIs(absl::StatusCode::kInvalidArgument));
    const auto sessions = v1::SessionService::NewStub(channel_);
    v1::DisconnectSessionRequest disconnect;
    disconnect.set_session_id(name);
    v1::DisconnectSessionResponse disconnected;
    EXPECT_THAT(CallGrpc(*sessions, &v1::SessionService::Stub::DisconnectSession, disconnect, disconnected),
                StatusIs(absl::StatusCode::kNotFound));
    v1::CallRequest typed = call;
    typed.set_method("increment");
    (*typed.mutable_args()->mutable_struct_value()->mutable_fields())[name].set_bool_value(true);
    EXPECT_THAT(CallGrpc(*rooms_, &RoomStub::Call, typed, called),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("unknown field")));
  }
  RawCall check(channel_, "/grpc.health.v1.Health/Check");
  check.Write(absl::StrCat("\x0a\xa0\x9c\x01", std::string(20'000, 's')));
  std::string answer;
  EXPECT_FALSE(check.Read(answer));
  EXPECT_THAT(check.Finish(), StatusIs(absl::StatusCode::kNotFound, HasSubstr(std::string(128, 's') + "\xe2\x80\xa6")));
}

TEST_F(GrpcTest, CutsAStreamOfBrokenBytes) {
  RawCall call(channel_, "/atrium.v1.SessionService/Connect");
  call.Write("\xff\xff\xff");
  std::string bytes;
  ASSERT_TRUE(call.Read(bytes));
  v1::ServerFrames frames;
  ASSERT_TRUE(frames.ParseFromString(bytes));
  EXPECT_EQ(frames.frames(0).goodbye().code(), 1002u);
  EXPECT_FALSE(call.Read(bytes));
  EXPECT_THAT(call.Finish(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("(1002)")));
  EXPECT_EQ(server_.Metric("atrium_closes_total{code=\"1002\"}"), 1);
}

TEST_F(GrpcTest, CutsATooLargeFrame) {
  TestClient client(server_, Door::kGrpc);
  client.Join("geral");
  client.Send(EmitFrame("geral", "large", absl::StrCat("\"", std::string(65536, 'x'), "\"")));
  EXPECT_EQ(client.WaitForGoodbye().code(), 1009u);
  EXPECT_EQ(client.WaitForEnd(), static_cast<int>(absl::StatusCode::kInvalidArgument));
}

TEST_F(GrpcTest, TakesManyFramesInOneMessage) {
  RawCall call(channel_, "/atrium.v1.SessionService/Connect");
  v1::ClientFrames batch;
  batch.add_frames()->mutable_hello();
  *batch.add_frames() = JoinFrame("geral");
  for (int i = 0; i < 50; ++i) {
    *batch.add_frames() = EmitFrame("geral", absl::StrCat("e", i));
    batch.mutable_frames()->rbegin()->mutable_emit()->set_include_self(true);
  }
  call.Write(batch.SerializeAsString());
  int events = 0;
  for (std::string bytes; events < 50 && call.Read(bytes);) {
    v1::ServerFrames frames;
    ASSERT_TRUE(frames.ParseFromString(bytes));
    for (const v1::ServerFrame& frame : frames.frames()) {
      if (!frame.has_event()) continue;
      EXPECT_EQ(frame.event().event(), absl::StrCat("e", events++));
    }
  }
  EXPECT_EQ(events, 50);
}

TEST_F(GrpcTest, CutsAClientThatDoesNotRead) {
  TestClient reader(server_, Door::kProto);
  RawCall slow(channel_, "/atrium.v1.SessionService/Connect");
  v1::ClientFrames hello;
  hello.add_frames()->mutable_hello();
  *hello.add_frames() = JoinFrame("geral");
  slow.Write(hello.SerializeAsString());
  EXPECT_TRUE(Eventually([&] { return server_.Get("/api/rooms/geral").status == 200; }));
  uint64_t start = reader.Join("geral").join().position().offset();

  const std::string data = absl::StrCat("\"", std::string(16 * 1024, 'x'), "\"");
  int said = 0;
  for (; said < 2000 && server_.Metric("atrium_closes_total{code=\"3008\"}") < 1; ++said) {
    v1::ClientFrame frame = EmitFrame("geral", "chat", data);
    frame.mutable_emit()->set_include_self(true);
    const uint64_t offset = reader.Ask(frame).emit().position().offset();
    reader.WaitForOffset("geral", offset);
  }
  // It is cut when it has taken nothing for some seconds, whatever is said meanwhile.
  EXPECT_TRUE(server_.MetricReaches("atrium_closes_total{code=\"3008\"}", 1));
  for (const v1::ServerFrame& frame : reader.RoomFrames("geral")) EXPECT_EQ(OffsetOf(frame), ++start);

  // What it gets when it reads at last ends with its goodbye.
  v1::ServerFrame last;
  uint64_t offset = 0;
  for (std::string bytes; slow.Read(bytes);) {
    v1::ServerFrames frames;
    ASSERT_TRUE(frames.ParseFromString(bytes));
    for (const v1::ServerFrame& frame : frames.frames()) {
      EXPECT_TRUE(offset == 0 || OffsetOf(frame) == 0 || OffsetOf(frame) == offset + 1);
      if (OffsetOf(frame) > 0) offset = OffsetOf(frame);
      last = frame;
    }
  }
  EXPECT_EQ(last.goodbye().code(), 3008u) << last.ShortDebugString().substr(0, 200);
  EXPECT_THAT(slow.Finish(), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("(3008)")));
}

}  // namespace
}  // namespace atrium
