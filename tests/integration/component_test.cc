// Components through each door: mount, actions, patches, rooms, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/component_frames.h"
#include "tests/support/grpc_stubs.h"
#include "tests/support/matchers.h"
#include "tests/support/probe.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

namespace json = boost::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A client with a component of class Probe.
class Prober {
 public:
  Prober(const TestServer& server, Door door, const std::string& user, const std::string& room = "")
      : client(server, door, user), id(Mount(client, room)) {}

  static std::string Mount(TestClient& client, const std::string& room = "") {
    const v1::Reply reply = client.Ask(MountFrame("Probe", "", room));
    EXPECT_TRUE(reply.has_mount()) << reply.ShortDebugString();
    return reply.mount().component_id();
  }

  v1::Reply Ask(const std::string& action, const std::string& user = "", const std::string& text = "") {
    return AskOf(id, action, user, text);
  }
  v1::Reply AskOf(const std::string& component, const std::string& action, const std::string& user,
                  const std::string& text = "") {
    return client.Ask(ActionFrame(component, action, absl::StrCat(R"({"user":")", user, R"(","text":")", text, "\"}")));
  }
  // The text of the result; else of the error.
  std::string Do(const std::string& action, const std::string& user = "", const std::string& text = "") {
    return TextOfReply(Ask(action, user, text));
  }
  std::string DoOf(const std::string& component, const std::string& action, const std::string& user,
                   const std::string& text = "") {
    return TextOfReply(AskOf(component, action, user, text));
  }
  static std::string TextOfReply(const v1::Reply& reply) {
    if (reply.has_error()) return reply.error().message();
    return reply.call().result().struct_value().fields().at("text").string_value();
  }
  // What has come of patches: "1 /text=hello", "2 <bytes>".
  std::vector<std::string> Patches() const {
    std::vector<std::string> patches;
    for (const v1::ServerFrame& frame : client.frames()) {
      if (!frame.has_component()) continue;
      std::string text = absl::StrCat(frame.component().version());
      for (const v1::PatchOperation& operation : frame.component().operations()) {
        absl::StrAppend(&text, " ", operation.path(), "=", operation.value().string_value());
      }
      if (!frame.component().binary().empty()) absl::StrAppend(&text, " <", frame.component().binary(), ">");
      patches.push_back(text);
    }
    return patches;
  }
  int CountEvents(const std::string& room, const std::string& event) const {
    int count = 0;
    for (const v1::ServerFrame& frame : client.RoomFrames(room)) count += frame.event().event() == event;
    return count;
  }

  TestClient client;
  const std::string id;
};

class ComponentTest : public ::testing::TestWithParam<Door> {
 protected:
  TestServer server_{{}, AddProbes};
};

INSTANTIATE_TEST_SUITE_P(Doors, ComponentTest, ::testing::Values(Door::kJson, Door::kProto, Door::kGrpc),
                         [](const auto& info) { return DoorName(info.param); });

TEST_P(ComponentTest, MountsCallsAndPatches) {
  TestClient client(server_, GetParam(), "ana");
  const v1::Reply mounted = client.Ask(MountFrame("Probe", R"({"user":"me"})"));
  EXPECT_EQ(mounted.mount().component_id(), client.id() + ".c1");
  const auto& state = mounted.mount().state().struct_value().fields();
  EXPECT_EQ(state.at("user").string_value(), "me");
  EXPECT_EQ(state.at("text").string_value(), "");

  Prober prober(server_, GetParam(), "bo");
  EXPECT_EQ(prober.Do("set", "", "hello"), "set");
  EXPECT_EQ(prober.Do("bytes", "", "raw"), "sent");
  EXPECT_THAT(prober.Patches(), ElementsAre("1 /text=hello", "2 /text=bytes follow", "3 <raw>", "0 <volatile>"));
  EXPECT_EQ(server_.Metric("atrium_components"), 2);
  EXPECT_TRUE(prober.client.Ask(UnmountFrame(prober.id)).has_unmount());
  EXPECT_EQ(prober.Do("set", "", "x"), absl::StrCat("Component '", prober.id, "' not found"));
  EXPECT_EQ(server_.Metric("atrium_components"), 1);
}

TEST_P(ComponentTest, WhatChangesWhileMountingIsInTheReply) {
  TestClient client(server_, GetParam());
  const v1::Reply mounted = client.Ask(MountFrame("Probe", R"({"user":"early"})"));
  EXPECT_EQ(mounted.mount().state().struct_value().fields().at("text").string_value(), "mounted");
  const v1::ServerFrame bytes = client.WaitFor([](const auto& frame) { return frame.has_component(); }, "bytes");
  EXPECT_EQ(bytes.component().version(), 1u);
  EXPECT_EQ(bytes.component().binary(), "early bytes");
}

TEST_P(ComponentTest, RefusesWhatItMust) {
  TestClient client(server_, GetParam(), "ana");
  const auto error = [&](v1::ClientFrame frame) {
    const v1::Reply reply = client.Ask(std::move(frame));
    return absl::StrCat(reply.error().code(), " ", reply.error().message());
  };
  EXPECT_EQ(error(MountFrame("Nothing")), "5 Component 'Nothing' not found");
  EXPECT_EQ(error(MountFrame("Probe", "[]")), "3 mount.state: must be a JSON object");
  EXPECT_EQ(error(MountFrame("Probe", R"({"text":"mine"})")), "3 mount.state.text: is not the client's to set");
  EXPECT_EQ(error(MountFrame("Probe", R"({"user":1})")), "3 mount.state.user: must be a string");
  EXPECT_EQ(error(MountFrame("Probe", R"({"admin":true})")), "3 mount.state.admin: unknown field");
  EXPECT_EQ(error(MountFrame("Probe", R"({"user":"refused"})")), "7 not you");
  EXPECT_EQ(error(MountFrame("Probe", "", "chat:lobby")), "7 Room requires server-side join via component action");
  EXPECT_THAT(error(MountFrame("Probe", "", "no spaces")), HasSubstr("3 Invalid room name."));
  EXPECT_EQ(server_.Metric("atrium_components"), 0);

  const std::string id = Prober::Mount(client);
  EXPECT_EQ(error(ActionFrame(id, "OnMount", "{}")), "7 Action 'OnMount' is not callable");
  EXPECT_EQ(error(ActionFrame(id, "", "{}")), "7 Action '' is not callable");
  EXPECT_EQ(error(ActionFrame(id, "set", R"({"text":1})")), "3 call.args.text: must be a string");
  EXPECT_EQ(error(ActionFrame(id, "set", R"({"txt":""})")), "3 call.args.txt: unknown field");
  EXPECT_EQ(error(ActionFrame(id, "set", "[1]")), "3 call.args: must be a JSON object");
  EXPECT_EQ(error(ActionFrame(id, "throw", "{}")), "13 The component's action 'throw' failed");
  EXPECT_EQ(error(ActionFrame(id, "setThenFail", "{}")), "9 planted");
  EXPECT_EQ(error(ActionFrame(client.id(), "set", "{}")), absl::StrCat("5 Component '", client.id(), "' not found"));
  EXPECT_EQ(error(UnmountFrame("x")), "5 Component 'x' not found");
  TestClient other(server_, GetParam());
  EXPECT_EQ(other.Ask(ActionFrame(id, "set", "{}")).error().message(), absl::StrCat("Component '", id, "' not found"));
  EXPECT_TRUE(other.Ask(UnmountFrame(id)).has_error());
  EXPECT_TRUE(client.Ask(ActionFrame(id, "set", "")).has_call());
}

TEST_P(ComponentTest, TheSeventeenthIsRefused) {
  TestClient client(server_, GetParam());
  std::string last;
  for (int i = 0; i < 16; ++i) last = Prober::Mount(client);
  EXPECT_EQ(client.Ask(MountFrame("Probe")).error().message(), "A session may have 16 components");
  EXPECT_TRUE(client.Ask(UnmountFrame(last)).has_unmount());
  EXPECT_EQ(client.Ask(MountFrame("Probe")).mount().component_id(), client.id() + ".c17");
}

TEST_P(ComponentTest, JoinsRoomsForItsClient) {
  Prober ana(server_, GetParam(), "ana");
  TestClient bo(server_, Door::kJson, "bo");
  ASSERT_TRUE(bo.Join("geral").has_join());
  EXPECT_EQ(ana.Do("join", "geral"), "OK");
  const v1::ServerFrame snapshot = ana.client.WaitFor([](const auto& frame) { return frame.has_snapshot(); }, "it");
  EXPECT_EQ(snapshot.snapshot().member_id(), ana.id);
  EXPECT_EQ(snapshot.snapshot().room().id(), "geral");
  const v1::ServerFrame joined =
      bo.WaitFor([&](const auto& frame) { return frame.member().joined_size() > 0; }, "a member frame");
  EXPECT_EQ(joined.member().joined(0).id(), ana.id);
  EXPECT_EQ(joined.member().joined(0).user_id(), "ana");

  EXPECT_EQ(ana.Do("rooms", "geral"), "geral joined");
  EXPECT_EQ(ana.client.Emit("geral", "hello").emit().notified(), 1);
  EXPECT_EQ(bo.WaitForEvent("geral", "hello").sender_id(), ana.id);
  EXPECT_TRUE(ana.client.GetState("geral").has_get_state());
  EXPECT_EQ(ana.Do("leave", "geral"), "OK");
  const v1::ServerFrame left = ana.client.WaitFor([](const auto& frame) { return frame.has_left(); }, "a left frame");
  EXPECT_EQ(left.left().member_id(), ana.id);
  EXPECT_EQ(ana.Do("rooms", "geral"), " out");
  EXPECT_EQ(ana.client.Emit("geral", "hello").error().message(), "Not a member of this room");
  EXPECT_EQ(ana.Do("leave", "geral"), absl::StrCat("'", ana.id, "' is not a member of this room"));
  EXPECT_EQ(ana.Do("join", "no room"),
            "Invalid room name. Must be 1-64 alphanumeric characters, hyphens, underscores, dots, or colons.");
}

TEST_P(ComponentTest, TypedRoomsAreForItsCode) {
  Prober ana(server_, GetParam(), "ana");
  EXPECT_EQ(ana.Do("join", "hall:a", "evil"), "No evil here");
  EXPECT_EQ(ana.Do("join", "hall:a", "good"), "OK");
  const v1::Reply who = ana.Ask("who", "a");
  EXPECT_EQ(who.call().result().struct_value().fields().at("id").string_value(), ana.id);
  EXPECT_TRUE(ana.Ask("secret", "a").has_call());
  // Its client may do what members may.
  v1::ClientFrame call;
  call.mutable_call()->set_room_id("hall:a");
  call.mutable_call()->set_method("whoami");
  EXPECT_EQ(ana.client.Ask(call).call().result().struct_value().fields().at("id").string_value(), ana.id);
  call.mutable_call()->set_method("secret");
  EXPECT_EQ(ana.client.Ask(call).error().message(), "Members may not call 'secret'");
  EXPECT_EQ(ana.Do("emit", "hall:a", "made-up"), "0");
  EXPECT_EQ(ana.client.Emit("hall:a", "made-up", "{}").error().message(),
            "Members may not emit 'made-up' into this room");
  EXPECT_TRUE(ana.client.Ask(UnmountFrame(ana.id)).has_unmount());
  Prober bo(server_, GetParam(), "bo");
  EXPECT_EQ(bo.Do("count", "a"), "1");
  EXPECT_EQ(bo.Do("count", "absent"), "Room 'hall:absent' not found");
}

TEST_P(ComponentTest, ASessionGetsEachFrameOnce) {
  Prober ana(server_, GetParam(), "ana");
  TestClient bo(server_, Door::kGrpc, "bo");
  ASSERT_TRUE(bo.Join("geral").has_join());
  ASSERT_TRUE(ana.client.Join("geral").has_join());
  const std::string second = Prober::Mount(ana.client);
  EXPECT_EQ(ana.Do("listen", "geral", "news"), "listening");
  EXPECT_EQ(ana.Do("join", "geral"), "OK");
  EXPECT_EQ(ana.DoOf(second, "join", "geral"), "OK");
  EXPECT_EQ(bo.Emit("geral", "news").emit().notified(), 1);
  EXPECT_EQ(server_.Post("/api/rooms/geral/emit", R"({"event":"last"})").Json().at("notified"), 2);
  ana.client.WaitForEvent("geral", "last");
  EXPECT_EQ(ana.CountEvents("geral", "news"), 1);
  EXPECT_THAT(ana.Patches(), ElementsAre("1 /text=+news by bo"));

  // Members are excluded and named one by one.
  const auto notified = [&](const std::string& options) {
    return server_.Post("/api/rooms/geral/emit", absl::StrCat(R"({"event":"e",)", options, "}")).Json().at("notified");
  };
  const std::string session = absl::StrCat("\"", ana.client.id(), "\"");
  const std::string one = absl::StrCat("\"", ana.id, "\""), two = absl::StrCat("\"", second, "\"");
  EXPECT_EQ(notified(absl::StrCat(R"("exclude":[)", session, "]")), 2);
  EXPECT_EQ(notified(absl::StrCat(R"("exclude":[)", session, ",", one, ",", two, "]")), 1);
  EXPECT_EQ(notified(absl::StrCat(R"("to":[)", one, ",", two, "]")), 1);
  EXPECT_EQ(notified(absl::StrCat(R"("to":[)", one, R"(],"exclude":[)", one, "]")), 0);

  // Whoever of them leaves, the session stays until the last.
  EXPECT_TRUE(ana.client.Leave("geral").has_leave());
  EXPECT_EQ(notified(R"("volatile":true)"), 2);
  EXPECT_EQ(ana.Do("leave", "geral"), "OK");
  EXPECT_EQ(notified(R"("volatile":true)"), 2);
  EXPECT_TRUE(ana.client.Ask(UnmountFrame(second)).has_unmount());
  EXPECT_TRUE(Eventually([&] { return notified(R"("volatile":true)") == 1; }));
}

TEST_P(ComponentTest, AClientSaysWhichMemberEmits) {
  Prober ana(server_, GetParam(), "ana");
  TestClient bo(server_, Door::kJson, "bo");
  ASSERT_TRUE(bo.Join("geral").has_join());
  const std::string second = Prober::Mount(ana.client);
  EXPECT_EQ(ana.Do("join", "geral"), "OK");
  EXPECT_EQ(ana.DoOf(second, "join", "geral"), "OK");
  EXPECT_EQ(ana.client.Emit("geral", "which").error().message(),
            "emit.memberId: is required: several components of this session are in the room");
  v1::ClientFrame emit = EmitFrame("geral", "this");
  emit.mutable_emit()->set_member_id(second);
  // The other component of the same session is not excluded.
  EXPECT_EQ(ana.client.Ask(emit).emit().notified(), 2);
  EXPECT_EQ(bo.WaitForEvent("geral", "this").sender_id(), second);
  emit.mutable_emit()->set_member_id(bo.id());
  EXPECT_EQ(ana.client.Ask(emit).error().message(),
            "emit.memberId: must be the id of this session or of a component of it");
  ASSERT_TRUE(ana.client.Join("geral").has_join());
  EXPECT_TRUE(ana.client.Emit("geral", "mine").has_emit());
  EXPECT_EQ(bo.WaitForEvent("geral", "mine").sender_id(), ana.client.id());
  // A client leaves as itself only.
  v1::ClientFrame leave = LeaveFrame("geral");
  leave.mutable_leave()->set_member_id(second);
  EXPECT_EQ(ana.client.Ask(leave).error().message(), "leave.memberId: must be empty or the id of this session");
}

TEST_P(ComponentTest, ServicesBringAndRemoveComponents) {
  Prober ana(server_, GetParam(), "ana");
  const std::string members = "/api/rooms/hall:a/members";
  const HttpReply brought = server_.Post(members, absl::StrCat(R"({"memberId":")", ana.id, "\"}"));
  EXPECT_EQ(brought.status, 200) << brought.body;
  EXPECT_EQ(TextOf(brought.Json().at("memberId")), ana.id);
  ana.client.WaitFor([&](const auto& frame) { return frame.snapshot().member_id() == ana.id; }, "a snapshot");
  EXPECT_EQ(ana.Do("rooms", "hall:a"), "hall:a joined");
  EXPECT_EQ(server_.Call("DELETE", absl::StrCat(members, "/", ana.id)).status, 200);
  ana.client.WaitFor([&](const auto& frame) { return frame.left().member_id() == ana.id; }, "a left frame");
  EXPECT_EQ(ana.Do("rooms", "hall:a"), " out");
  EXPECT_THAT(ana.Patches(), ElementsAre("1 /text=removed from hall:a LEAVE_REASON_LEAVE"));
  EXPECT_EQ(ana.Do("join", "hall:a"), "OK");

  EXPECT_EQ(server_.Post(members, absl::StrCat(R"({"memberId":")", ana.client.id(), ".c9\"}")).status, 404);
  EXPECT_EQ(server_.Post(members, R"({"memberId":"s0-nobody.c1"})").status, 404);
  const HttpReply foreign = server_.Post(absl::StrCat("/api/rooms/hall:a/methods/whoami?componentId=", ana.id), "{}");
  EXPECT_EQ(foreign.status, 400);
  v1::CallRequest call;
  call.set_component_id(ana.id);
  call.set_method("set");
  v1::CallResponse response;
  const auto stub = v1::RoomService::NewStub(GrpcChannel(server_.grpc_port()));
  const grpc::Status status = CallGrpc(*stub, &v1::RoomService::Stub::Call, call, response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("componentId"));
  EXPECT_EQ(server_.Post("/api/rooms/hall:a/emit", absl::StrCat(R"({"event":"e","memberId":")", ana.id, "\"}")).status,
            400);
}

TEST_P(ComponentTest, LeavesItsRoomsWithItsSession) {
  TestClient bo(server_, Door::kJson, "bo");
  ASSERT_TRUE(bo.Join("geral").has_join());
  std::string id;
  {
    Prober ana(server_, GetParam(), "ana");
    id = ana.id;
    EXPECT_EQ(ana.Do("join", "geral"), "OK");
    EXPECT_EQ(ana.Do("join", "hall:a"), "OK");
    ana.client.SayLeave();
    ana.client.WaitForEnd();
  }
  const v1::ServerFrame gone = bo.WaitFor([](const auto& frame) { return frame.member().left_size() > 0; }, "a change");
  EXPECT_EQ(gone.member().left(0).member().id(), id);
  EXPECT_EQ(gone.member().left(0).reason(), v1::LEAVE_REASON_DISCONNECT);
  EXPECT_TRUE(Eventually([&] { return server_.Metric("atrium_components") == 0; }));
  Prober eve(server_, GetParam(), "eve");
  EXPECT_TRUE(Eventually([&] { return eve.Do("count", "a") == "1"; }));
}

TEST_P(ComponentTest, AnUnmountedComponentLeavesItsRooms) {
  Prober ana(server_, GetParam(), "ana");
  TestClient bo(server_, Door::kJson, "bo");
  ASSERT_TRUE(bo.Join("geral").has_join());
  EXPECT_EQ(ana.Do("join", "geral"), "OK");
  EXPECT_TRUE(ana.client.Ask(UnmountFrame(ana.id)).has_unmount());
  const v1::ServerFrame gone = bo.WaitFor([](const auto& frame) { return frame.member().left_size() > 0; }, "a change");
  EXPECT_EQ(gone.member().left(0).reason(), v1::LEAVE_REASON_LEAVE);
  ana.client.WaitFor([&](const auto& frame) { return frame.left().member_id() == ana.id; }, "a left frame");
}

TEST_P(ComponentTest, HasADefaultRoom) {
  Prober ana(server_, GetParam(), "ana", "geral");
  EXPECT_EQ(ana.Do("rooms", "geral"), "geral joined");
  EXPECT_EQ(ana.Do("emitDefault", "", "x"), "0");
  Prober bo(server_, GetParam(), "bo");
  EXPECT_EQ(bo.Do("emitDefault", "", "x"), "No default room set");
}

TEST_P(ComponentTest, SlowCodeIsCutOff) {
  TestClient client(server_, GetParam());
  EXPECT_EQ(client.Ask(MountFrame("HastyProbe", R"({"user":"slow"})")).error().message(),
            "The component's OnMount took too long");
  const std::string id = client.Ask(MountFrame("HastyProbe")).mount().component_id();
  const uint32_t slow = client.Send(ActionFrame(id, "wait", "{}"));
  // Others run meanwhile.
  EXPECT_TRUE(client.Ask(ActionFrame(id, "set", "{}")).has_call());
  EXPECT_EQ(client.Reply(slow).error().message(), "The component's action 'wait' took too long");
}

TEST_P(ComponentTest, TheStateHasItsLimit) {
  TestServer server({"--max-state-bytes=1000"}, AddProbes);
  Prober ana(server, GetParam(), "ana");
  EXPECT_EQ(ana.Do("grow"), "Component state exceeds maximum size limit");
  EXPECT_EQ(ana.Do("set", "", "small"), "set");
  EXPECT_THAT(ana.Patches(), ElementsAre("1 /text=small"));
}

TEST_P(ComponentTest, RoomsPerSessionCountOnce) {
  TestServer server({"--max-rooms-per-session=2"}, AddProbes);
  Prober ana(server, GetParam(), "ana");
  ASSERT_TRUE(ana.client.Join("a").has_join());
  EXPECT_EQ(ana.Do("join", "a"), "OK");
  EXPECT_EQ(ana.Do("join", "b"), "OK");
  EXPECT_EQ(ana.Do("join", "c"), "A session may be in 2 rooms");
}

TEST_P(ComponentTest, TheOnesThatShipWork) {
  TestClient ana(server_, GetParam(), "ana");
  TestClient bo(server_, Door::kJson, "bo");
  const auto mount = [](TestClient& client, const std::string& component, const std::string& state) {
    return client.Ask(MountFrame(component, state)).mount().component_id();
  };
  const auto ask = [](TestClient& client, const std::string& id, const std::string& action, const std::string& args) {
    return json::parse(JsonText(client.Ask(ActionFrame(id, action, args)).call().result()));
  };
  const std::string ana_counter = mount(ana, "LiveSharedCounter", R"({"username":"Ana"})");
  const std::string bo_counter = mount(bo, "LiveSharedCounter", "");
  EXPECT_EQ(ask(ana, ana_counter, "increment", "{}"), json::parse(R"({"count":1,"success":true})"));
  EXPECT_EQ(json::parse(JsonText(bo.WaitForEvent("counter:global", "counter:updated").data())),
            json::parse(R"({"count":1,"updatedBy":"Ana"})"));
  EXPECT_EQ(ask(bo, bo_counter, "decrement", "{}"), json::parse(R"({"count":0,"success":true})"));
  const std::string long_name = absl::StrCat(R"({"username":")", std::string(31, 'x'), "\"}");
  EXPECT_THAT(bo.Ask(MountFrame("LivePingPong", long_name)).error().message(),
              HasSubstr("mount.state.username: Invalid username"));
  const std::string ping = mount(ana, "LivePingPong", "");
  EXPECT_EQ(ask(ana, ping, "ping", R"({"seq":7})"), json::parse(R"({"success":true,"total":1})"));
  EXPECT_EQ(json::parse(JsonText(ana.WaitForEvent("ping:global", "pong").data())).at("from"), "ana");
}

}  // namespace
}  // namespace atrium
