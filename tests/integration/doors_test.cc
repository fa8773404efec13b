// One room, and everybody who can come in: WebSocket clients of both subprotocols, a gRPC client, and services by gRPC
// and REST.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/grpc_stubs.h"
#include "tests/support/matchers.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using RoomStub = v1::RoomService::Stub;

class DoorsTest : public testing::TestWithParam<int> {
 protected:
  DoorsTest()
      : server_({absl::StrCat("--shards=", GetParam()), "--session-rate=0"}),
        rooms_(v1::RoomService::NewStub(GrpcChannel(server_.grpc_port()))),
        json_(server_, Door::kJson, "ana"),
        proto_(server_, Door::kProto, "bia"),
        grpc_(server_, Door::kGrpc, "caio") {}

  std::vector<TestClient*> Clients() { return {&json_, &proto_, &grpc_}; }

  // Returns the offset after the last join.
  uint64_t JoinAll(const std::string& room) {
    uint64_t offset = 0;
    for (TestClient* client : Clients()) offset = client->Join(room).join().position().offset();
    return offset;
  }

  v1::EmitResponse EmitByService(const std::string& room, const std::string& event) {
    v1::EmitRequest request;
    request.set_room_id(room);
    request.set_event(event);
    *request.mutable_data() = JsonValue(R"({"n":1.5,"list":[1,null,true,"é"],"o":{}})");
    v1::EmitResponse response;
    EXPECT_THAT(CallGrpc(*rooms_, &RoomStub::Emit, request, response), IsOk());
    return response;
  }

  // The frames of `room` behind `offset`, once all up to `last` have come.
  static std::vector<v1::ServerFrame> FramesBehind(TestClient& client, const std::string& room, uint64_t offset,
                                                   uint64_t last) {
    client.WaitForOffset(room, last);
    std::vector<v1::ServerFrame> frames;
    for (v1::ServerFrame& frame : client.RoomFrames(room)) {
      if (OffsetOf(frame) > offset) frames.push_back(std::move(frame));
    }
    return frames;
  }

  TestServer server_;
  const std::unique_ptr<RoomStub> rooms_;
  TestClient json_;
  TestClient proto_;
  TestClient grpc_;
};

INSTANTIATE_TEST_SUITE_P(Shards, DoorsTest, testing::Values(1, 2),
                         [](const auto& info) { return absl::StrCat(info.param); });

TEST_P(DoorsTest, ShowTheSameFramesToAll) {
  const uint64_t start = JoinAll("geral");
  for (TestClient* client : Clients()) {
    v1::ClientFrame frame = EmitFrame("geral", "said", R"({"text":"olá 👋","n":[0,-1,2.5,9007199254740992]})");
    frame.mutable_emit()->set_include_self(true);
    EXPECT_EQ(client->Ask(frame).emit().notified(), 3);
  }
  EXPECT_EQ(EmitByService("geral", "by-grpc").notified(), 3);
  EXPECT_EQ(server_.Post("/api/rooms/geral/emit", R"({"event":"by-rest","data":null})").Json().at("notified"), 3);
  EXPECT_EQ(server_.Post("/api/rooms/geral/messages", R"({"text":"hi"})").Json().at("notified"), 3);
  grpc_.SetState("geral", R"({"topic":"a","deep":{"k":[1,2]}})");
  const v1::Reply set = json_.SetState("geral", R"({"topic":null,"deep":{"k":null}})");
  EXPECT_EQ(server_.Call("PATCH", "/api/rooms/geral/state", R"({"deep":{"z":1}})").status, 200);
  const uint64_t last = set.set_state().position().offset() + 1;

  const std::vector<v1::ServerFrame> frames = FramesBehind(json_, "geral", start, last);
  EXPECT_THAT(Kinds(frames), ElementsAre("event:said", "event:said", "event:said", "event:by-grpc", "event:by-rest",
                                         "event:message:new", "patch", "patch", "patch"));
  for (size_t i = 0; i < frames.size(); ++i) EXPECT_EQ(OffsetOf(frames[i]), start + 1 + i);
  EXPECT_EQ(Texts(FramesBehind(proto_, "geral", start, last)), Texts(frames));
  EXPECT_EQ(Texts(FramesBehind(grpc_, "geral", start, last)), Texts(frames));
  EXPECT_EQ(frames[0].event().sender_id(), json_.id());
  EXPECT_EQ(frames[1].event().sender_user_id(), "bia");
  EXPECT_EQ(frames[3].event().sender_id(), "");
}

TEST_P(DoorsTest, KeepOneOrderWhenAllTalkAtOnce) {
  constexpr int kEach = 100;
  const uint64_t start = JoinAll("geral");
  for (int i = 0; i < kEach; ++i) {
    for (TestClient* client : Clients()) {
      v1::ClientFrame frame = EmitFrame("geral", absl::StrCat("e", i));
      frame.mutable_emit()->set_include_self(true);
      client->Send(frame);
    }
    if (i % 10 == 0) EmitByService("geral", "service");
  }
  const uint64_t last = start + 3 * kEach + kEach / 10;
  const std::vector<v1::ServerFrame> frames = FramesBehind(json_, "geral", start, last);
  ASSERT_THAT(frames, SizeIs(last - start));
  for (size_t i = 0; i < frames.size(); ++i) EXPECT_EQ(OffsetOf(frames[i]), start + 1 + i);
  EXPECT_EQ(Texts(FramesBehind(proto_, "geral", start, last)), Texts(frames));
  EXPECT_EQ(Texts(FramesBehind(grpc_, "geral", start, last)), Texts(frames));
}

TEST_P(DoorsTest, TellWhoIsThereAlike) {
  const std::vector<TestClient*> clients = Clients();
  EXPECT_THAT(json_.Join("geral").join().members(), SizeIs(1));
  const v1::Reply second = proto_.Join("geral");
  EXPECT_THAT(second.join().members(), SizeIs(2));
  EXPECT_EQ(second.join().member_id(), proto_.id());
  EXPECT_EQ(second.join().room().member_count(), 2);
  grpc_.Join("geral");
  EXPECT_THAT(grpc_.Leave("geral").has_leave(), true);

  json_.WaitForOffset("geral", 4);
  const std::vector<v1::ServerFrame> seen = json_.RoomFrames("geral");
  ASSERT_THAT(Kinds(seen), ElementsAre("member", "member", "member"));
  EXPECT_EQ(seen[0].member().joined(0).user_id(), "bia");
  EXPECT_EQ(seen[0].member().count(), 2);
  EXPECT_EQ(seen[2].member().left(0).member().id(), grpc_.id());
  EXPECT_EQ(seen[2].member().left(0).reason(), v1::LEAVE_REASON_LEAVE);
  EXPECT_EQ(seen[2].member().count(), 2);
}

TEST_P(DoorsTest, NotifyOnlyWhoIsAddressed) {
  const uint64_t start = JoinAll("geral");
  v1::ClientFrame to = EmitFrame("geral", "to");
  to.mutable_emit()->add_to(grpc_.id());
  to.mutable_emit()->add_to("nobody");
  EXPECT_EQ(json_.Ask(to).emit().notified(), 1);
  v1::ClientFrame to_self = EmitFrame("geral", "to-self");
  to_self.mutable_emit()->add_to(json_.id());
  EXPECT_EQ(json_.Ask(to_self).emit().notified(), 0);
  v1::ClientFrame exclude = EmitFrame("geral", "exclude");
  exclude.mutable_emit()->add_exclude(proto_.id());
  EXPECT_EQ(json_.Ask(exclude).emit().notified(), 1);
  v1::EmitRequest both;
  both.set_room_id("geral");
  both.set_event("both");
  both.add_to(json_.id());
  both.add_to(proto_.id());
  both.add_exclude(proto_.id());
  v1::EmitResponse response;
  EXPECT_THAT(CallGrpc(*rooms_, &RoomStub::Emit, both, response), IsOk());
  EXPECT_EQ(response.notified(), 1);
  EXPECT_EQ(json_.Emit("geral", "plain").emit().notified(), 2);
  EmitByService("geral", "end");

  // Each has taken its offset all the same.
  const uint64_t end = start + 6;
  EXPECT_THAT(Kinds(FramesBehind(json_, "geral", start, end)), ElementsAre("event:both", "event:end"));
  EXPECT_THAT(Kinds(FramesBehind(proto_, "geral", start, end)), ElementsAre("event:plain", "event:end"));
  const std::vector<v1::ServerFrame> grpc = FramesBehind(grpc_, "geral", start, end);
  EXPECT_THAT(Kinds(grpc), ElementsAre("event:to", "event:exclude", "event:plain", "event:end"));
  EXPECT_THAT(Offsets(grpc), ElementsAre(start + 1, start + 3, start + 5, start + 6));
}

TEST_P(DoorsTest, LetAServiceBringInAndTakeOut) {
  for (TestClient* client : Clients()) {
    const std::string room = absl::StrCat("brought-", client->id());
    v1::JoinRequest request;
    request.set_room_id(room);
    request.set_member_id(client->id());
    *request.mutable_initial_state() = JsonValue(R"({"topic":"x"})");
    v1::JoinResponse response;
    ASSERT_THAT(CallGrpc(*rooms_, &RoomStub::Join, request, response), IsOk());
    EXPECT_EQ(response.member_id(), client->id());
    EXPECT_EQ(JsonText(response.state()), R"({"topic":"x"})");
    const v1::Snapshot snapshot =
        client->WaitFor([](const v1::ServerFrame& frame) { return frame.has_snapshot(); }, "a snapshot").snapshot();
    EXPECT_EQ(snapshot.room().id(), room);
    EXPECT_EQ(snapshot.position().ShortDebugString(), response.position().ShortDebugString());
    EXPECT_EQ(JsonText(snapshot.state()), R"({"topic":"x"})");
    EXPECT_THAT(snapshot.members(), SizeIs(1));

    // Again: nothing changes, and no second snapshot comes.
    EXPECT_THAT(CallGrpc(*rooms_, &RoomStub::Join, request, response), IsOk());
    EXPECT_EQ(EmitByService(room, "inside").notified(), 1);
    EXPECT_EQ(client->WaitForEvent(room, "inside").offset(), snapshot.position().offset() + 1);

    EXPECT_EQ(server_.Call("DELETE", absl::StrCat("/api/rooms/", room, "/members/", client->id())).status, 200);
    const v1::Left left =
        client->WaitFor([](const v1::ServerFrame& frame) { return frame.has_left(); }, "a left").left();
    EXPECT_EQ(left.room_id(), room);
    EXPECT_EQ(left.member_id(), client->id());
    EXPECT_EQ(left.reason(), v1::LEAVE_REASON_LEAVE);
    EXPECT_EQ(EmitByService(room, "outside").notified(), 0);
    EXPECT_THAT(client->Emit(room, "x").error(), StatusIs(absl::StatusCode::kPermissionDenied));
    EXPECT_THAT(client->RoomFrames(room), SizeIs(1));
  }
}

TEST_P(DoorsTest, LetNothingOfARoomFollowItsEnd) {
  for (int round = 0; round < 10; ++round) {
    const std::string room = absl::StrCat("busy-", round);
    json_.Join(room);
    for (TestClient* client : {&proto_, &grpc_}) client->Join(room);
    for (int i = 0; i < 20; ++i) json_.Send(EmitFrame(room, "noise"));
    const uint32_t leave = proto_.Send(LeaveFrame(room));
    v1::LeaveRequest request;
    request.set_room_id(room);
    request.set_member_id(grpc_.id());
    v1::LeaveResponse response;
    EXPECT_THAT(CallGrpc(*rooms_, &RoomStub::Leave, request, response), IsOk());
    for (int i = 0; i < 20; ++i) json_.Send(EmitFrame(room, "noise"));
    proto_.Reply(leave);
    EXPECT_EQ(json_.Emit(room, "last").emit().notified(), 0);

    // What is asked now is answered behind all that is on the way.
    for (TestClient* client : {&proto_, &grpc_}) {
      client->Emit(room, "x");
      bool over = false;
      for (const v1::ServerFrame& frame : client->frames()) {
        EXPECT_FALSE(over && RoomOf(frame) == room) << frame.ShortDebugString();
        over = over || (frame.has_reply() && client == &proto_ && frame.reply().id() == leave) ||
               (frame.has_left() && frame.left().room_id() == room);
      }
      EXPECT_TRUE(over);
    }
  }
}

TEST_P(DoorsTest, ShowAJoinerAllThatFollowsItsReply) {
  json_.Join("geral");
  for (int round = 0; round < 20; ++round) {
    std::vector<uint32_t> emits;
    for (int i = 0; i < 10; ++i) emits.push_back(json_.Send(EmitFrame("geral", "noise")));
    TestClient late(server_, round % 2 == 0 ? Door::kProto : Door::kGrpc);
    const uint32_t join = late.Send(JoinFrame("geral"));
    for (int i = 0; i < 10; ++i) emits.push_back(json_.Send(EmitFrame("geral", "noise")));
    const uint64_t position = late.Reply(join).join().position().offset();
    const uint64_t last = json_.Reply(emits.back()).emit().position().offset();
    EXPECT_TRUE(late.frames()[1].has_reply()) << late.frames()[1].ShortDebugString();
    if (last <= position) continue;
    const std::vector<v1::ServerFrame> frames = FramesBehind(late, "geral", 0, last);
    ASSERT_THAT(frames, SizeIs(last - position));
    for (size_t i = 0; i < frames.size(); ++i) EXPECT_EQ(OffsetOf(frames[i]), position + 1 + i);
  }
}

TEST_P(DoorsTest, ReplyBehindTheFramesOfARequest) {
  JoinAll("geral");
  for (TestClient* client : Clients()) {
    v1::ClientFrame frame = EmitFrame("geral", absl::StrCat("mine-", client->id()));
    frame.mutable_emit()->set_include_self(true);
    const uint32_t id = client->Send(frame);
    client->Reply(id);
    // WaitForEvent reads no further if it has come.
    const size_t came = client->frames().size();
    client->WaitForEvent("geral", absl::StrCat("mine-", client->id()));
    EXPECT_EQ(client->frames().size(), came);
  }
}

}  // namespace
}  // namespace atrium
