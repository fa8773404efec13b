// The copies of a state that clients keep by its patches are what the server has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/component_frames.h"
#include "tests/support/json_patch.h"
#include "tests/support/probe.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

namespace json = boost::json;

class StateCopiesTest : public ::testing::Test {
 protected:
  StateCopiesTest() {
    writer_copy_ = Joined(writer_, R"({"a":{"b":null,"c":1},"list":[1,null]})");
    reader_copy_ = Joined(reader_, "");
  }

  json::value Joined(TestClient& client, const std::string& initial_state) {
    return json::parse(JsonText(client.Join("room", initial_state).join().state()));
  }

  void Set(const std::string& merge) { EXPECT_TRUE(writer_.SetState("room", merge).has_set_state()); }

  // All copies are the server's state, which is `expected`.
  void ExpectEverywhere(const std::string& expected) {
    const json::value state = server_.Get("/api/rooms/room/state").Json();
    EXPECT_EQ(state.at("state"), json::parse(expected));
    const uint64_t last = std::stoull(state.at("position").at("offset").as_string().c_str());
    EXPECT_EQ(Copy(writer_, writer_copy_, last), state.at("state"));
    EXPECT_EQ(Copy(reader_, reader_copy_, last), state.at("state"));
  }

  static json::value Copy(TestClient& client, json::value copy, uint64_t last) {
    client.WaitForOffset("room", last);
    for (const v1::ServerFrame& frame : client.RoomFrames("room")) {
      EXPECT_TRUE(ApplyToCopy(frame.patch().operations(), copy));
    }
    return copy;
  }

  TestServer server_{{}, AddProbes};
  TestClient writer_{server_, Door::kJson};
  TestClient reader_{server_, Door::kProto};
  json::value writer_copy_;
  json::value reader_copy_;
};

TEST_F(StateCopiesTest, ANullInsideIsAValue) {
  EXPECT_EQ(reader_copy_, writer_copy_);
  Set(R"({"a":{"c":2},"list":[1,null,null]})");
  ExpectEverywhere(R"({"a":{"b":null,"c":2},"list":[1,null,null]})");
}

TEST_F(StateCopiesTest, AKeyRemovedDeepDownIsGoneEverywhere) {
  Set(R"({"l1":{"l2":{"l3":{"l4":{"l5":{"keep":1,"drop":2}}}}}})");
  Set(R"({"l1":{"l2":{"l3":{"l4":{"l5":{"drop":null}}}}}})");
  ExpectEverywhere(R"({"a":{"b":null,"c":1},"list":[1,null],"l1":{"l2":{"l3":{"l4":{"l5":{"keep":1}}}}}})");
}

TEST_F(StateCopiesTest, WhatIsRemovedAndAddedAtOnceKeepsNothingOld) {
  v1::ClientFrame remove;
  remove.mutable_set_state()->set_room_id("room");
  *remove.mutable_set_state()->mutable_state() = JsonValue(R"({"a":null})");
  v1::ClientFrame add = remove;
  *add.mutable_set_state()->mutable_state() = JsonValue(R"({"a":{"d":1}})");
  writer_.Send(remove);
  EXPECT_TRUE(writer_.Ask(add).has_set_state());
  ExpectEverywhere(R"({"a":{"d":1},"list":[1,null]})");
}

TEST_F(StateCopiesTest, AListChangedInPlaceIsTold) {
  Set(R"({"list":[1,2]})");
  Set(R"({"list":[1,2]})");  // Equal content is no change.
  ExpectEverywhere(R"({"a":{"b":null,"c":1},"list":[1,2]})");
  int patches = 0;
  for (const v1::ServerFrame& frame : reader_.RoomFrames("room")) patches += frame.has_patch() ? 1 : 0;
  EXPECT_EQ(patches, 1);
}

TEST_F(StateCopiesTest, TheWriterOfAPartHasWhatTheOthersHave) {
  Set(R"({"a":{"new":true}})");
  ExpectEverywhere(R"({"a":{"b":null,"c":1,"new":true},"list":[1,null]})");
}

TEST_F(StateCopiesTest, AComponentsStateIsToldHoweverDeepItChanges) {
  TestClient client(server_, Door::kJson, "ana");
  const v1::Reply mounted = client.Ask(MountFrame("LiveRoomChat", R"({"username":"ana"})"));
  json::value copy = json::parse(JsonText(mounted.mount().state()));
  const std::string& id = mounted.mount().component_id();
  client.Ask(ActionFrame(id, "joinRoom", R"({"roomId":"one"})"));
  client.Ask(ActionFrame(id, "joinRoom", R"({"roomId":"two"})"));
  client.Ask(ActionFrame(id, "leaveRoom", R"({"roomId":"one"})"));
  for (const v1::ServerFrame& frame : client.frames()) {
    EXPECT_TRUE(ApplyToCopy(frame.component().operations(), copy));
  }
  EXPECT_EQ(
      copy,
      json::parse(R"({"username":"ana","activeRoom":"two","rooms":[{"id":"two","name":"two","isPrivate":false}]})"));
}

}  // namespace
}  // namespace atrium
