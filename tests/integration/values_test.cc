// How large and how deep JSON values may be: what one door takes each other delivers.
#include "tests/integration/values.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/wire/json.h"
#include "tests/support/json_patch.h"
#include "tests/support/matchers.h"
#include "tests/support/raw_websocket.h"
#include "tests/support/room_reader.h"
#include "tests/support/test_client.h"

namespace atrium {
namespace {

using google::protobuf::util::MessageDifferencer;
using testing::AllOf;
using testing::HasSubstr;
using testing::SizeIs;

// ---- How large a value may be

std::string ListText(absl::string_view element, size_t count) {
  std::string list = "[";
  for (size_t i = 0; i < count; ++i) absl::StrAppend(&list, i == 0 ? "" : ",", element);
  return list + "]";
}

google::protobuf::Value Nulls(int count) {
  google::protobuf::Value list;
  auto& values = *list.mutable_list_value()->mutable_values();
  values.Reserve(count);
  for (int i = 0; i < count; ++i) values.Add()->set_null_value({});
  return list;
}

// 0.9 MB of JSON are 4.95 MB of protobuf, more than a gRPC client takes.
TEST_F(ValuesTest, WhatNoGrpcClientCouldReadIsRefusedByEachDoor) {
  const std::string ones = ListText("1", 450'000);
  const std::string emit = absl::StrCat(R"({"roomId":"big","event":"e","data":)", ones, "}");
  const std::string rule = "must have at most 1048576 bytes as JSON and 3145728 as a google.protobuf.Value";
  RawWebSocket socket = Raw("big");
  socket.SendText(absl::StrCat(R"({"id":2,"emit":)", emit, "}"));
  EXPECT_THAT(socket.ReadMessage(),
              AllOf(HasSubstr(R"({"reply":{"id":2,"error":{"code":3,"message":"emit.data: )"), HasSubstr(rule)));
  const HttpReply emitted = server_.Post("/api/rooms/big/emit", emit);
  EXPECT_EQ(emitted.status, 400);
  EXPECT_THAT(emitted.body, HasSubstr(rule));
  for (const std::string& state : {absl::StrCat("{\"a\":", ones, "}"), absl::StrCat(R"({"b":{"c":)", ones, "}}")}) {
    socket.SendText(absl::StrCat(R"({"id":3,"setState":{"roomId":"big","state":)", state, "}}"));
    EXPECT_THAT(socket.ReadMessage(), AllOf(HasSubstr(R"({"reply":{"id":3,"error":{"code":8,)"),
                                            HasSubstr("may change by at most 10000 operations and 50000 values")));
    EXPECT_EQ(SetByRest("big", state).status, 429);
    socket.SendText(absl::StrCat(R"({"id":4,"join":{"roomId":"new","initialState":)", state, "}}"));
    EXPECT_THAT(socket.ReadMessage(), AllOf(HasSubstr(R"({"reply":{"id":4,"error":{"code":8,)"),
                                            HasSubstr("may change by at most 10000 operations and 50000 values")));
  }
  // 4 MB of protobuf, 5 MB of JSON.
  const google::protobuf::Value nulls = Nulls(1'000'000);
  EXPECT_THAT(EmitByGrpc("big", "e", nulls),
              StatusIs(absl::StatusCode::kInvalidArgument, absl::StrCat("data: ", rule)));
  EXPECT_THAT(SetByGrpc("big", StateOf(nulls)), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(
      server_.Post("/api/rooms/big/emit", absl::StrCat(R"({"event":"e","data":)", ListText("null", 1'000'000), "}"))
          .status,
      400);
}

// Ones have 11 bytes each as protobuf. A state as large as it may be is made of several changes.
TEST_F(ValuesTest, TheLargestThatIsTakenReachesEverybody) {
  constexpr int kLists = 6;
  constexpr int kOnesOfState = kLists * 47'000;
  for (int i = 0; i < kLists; ++i) {
    ASSERT_EQ(SetByRest("big", absl::StrCat("{\"a", i, "\":", ListText("1", kOnesOfState / kLists), "}")).status, 200);
  }
  constexpr size_t kOnes = 3145728 / 11 - 10;
  const std::string ones = ListText("1", kOnes);
  TestClient grpc(server_, Door::kGrpc);
  TestClient proto(server_, Door::kProto);
  TestClient json(server_, Door::kJson);
  const auto count = [](const google::protobuf::Value& list) { return list.list_value().values_size(); };
  const auto count_a = [&](const google::protobuf::Value& state) {
    int sum = 0;
    for (const auto& [key, list] : state.struct_value().fields()) sum += count(list);
    return sum;
  };
  for (TestClient* const client : {&grpc, &proto, &json}) {
    EXPECT_EQ(count_a(client->Join("big").join().state()), kOnesOfState);
  }
  EXPECT_EQ(count_a(GetByGrpc("big").state()), kOnesOfState);
  const auto watch = WatchRoom(WatchDoor::kGrpc, server_.http_port(), server_.grpc_port(), "big");
  std::optional<v1::ServerFrame> frame = watch->Read();
  ASSERT_TRUE(frame && frame->has_snapshot());
  EXPECT_EQ(count_a(frame->snapshot().state()), kOnesOfState);
  for (const char* const event : {"one", "two", "three"}) {
    EXPECT_EQ(
        server_.Post("/api/rooms/big/emit", absl::StrCat(R"({"event":")", event, R"(","data":)", ones, "}")).status,
        200);
  }
  for (const char* const event : {"one", "two", "three"}) {
    do frame = watch->Read();
    while (frame && !frame->has_event());
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->event().event(), event);
    EXPECT_EQ(count(frame->event().data()), static_cast<int>(kOnes));
    for (TestClient* const client : {&grpc, &proto, &json}) {
      EXPECT_EQ(count(client->WaitForEvent("big", event).data()), static_cast<int>(kOnes));
    }
  }
  // One more list does not fit, unless another goes.
  const std::string more = absl::StrCat("{\"b\":", ListText("1", 5'000), "}");
  EXPECT_THAT(grpc.SetState("big", more).error(),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("Room state exceeds 3145728 bytes as a google.protobuf.Value")));
  EXPECT_TRUE(grpc.SetState("big", R"({"a0":null})").has_set_state());
  EXPECT_TRUE(grpc.SetState("big", more).has_set_state());
}

// An operation for each element would have 50 times the bytes of what it changes.
TEST_F(ValuesTest, APatchOfAllOverAStateIsNotLongerThanTheState) {
  constexpr size_t kElements = 40'000;
  TestClient grpc(server_, Door::kGrpc);
  ASSERT_TRUE(grpc.Join("wide").has_join());
  const auto state = [](absl::string_view element) {
    return absl::StrCat(R"({"list":)", ListText(element, kElements), "}");
  };
  ASSERT_EQ(SetByRest("wide", state("1")).status, 200);
  const HttpReply changed = SetByRest("wide", state("2"));
  ASSERT_EQ(changed.status, 200);
  grpc.WaitForOffset("wide", std::stoull(TextOf(changed.Json().at("position").at("offset"))));
  const std::vector<v1::ServerFrame> frames = grpc.RoomFrames("wide");
  ASSERT_THAT(frames, SizeIs(2));
  EXPECT_THAT(frames[1].patch().operations(), SizeIs(1));
  json::value copy = json::object();
  for (const v1::ServerFrame& frame : frames) EXPECT_TRUE(ApplyToCopy(frame.patch().operations(), copy));
  EXPECT_EQ(ToJson(copy), state("2"));
}

// ---- How deep a value may nest

std::string Nested(int depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST_F(ValuesTest, TheDeepestOfOneDoorIsTakenByEachOther) {
  const auto value_of = [](int depth) {
    google::protobuf::Value whole;
    google::protobuf::Value* value = &whole;
    for (int i = 1; i < depth; ++i) value = value->mutable_list_value()->add_values();
    value->mutable_list_value();
    return whole;
  };
  const auto emit = [](int depth) {
    return absl::StrCat(R"({"roomId":"deep","event":"e","includeSelf":true,"data":)", Nested(depth), "}");
  };
  const auto state = [](absl::string_view key, int depth) {
    return absl::StrCat("{\"", key, "\":", Nested(depth), "}");
  };
  const std::string rule = "nesting too deep (max 32)";
  const std::string delivered = absl::StrCat("\"data\":", Nested(32));
  RawWebSocket socket = Raw("deep");

  EXPECT_THAT(EmitByGrpc("deep", "e", value_of(32)), IsOk());
  EXPECT_THAT(socket.ReadMessage(), HasSubstr(delivered));
  EXPECT_EQ(server_.Post("/api/rooms/deep/emit", emit(32)).status, 200);
  EXPECT_THAT(socket.ReadMessage(), HasSubstr(delivered));
  socket.SendText(absl::StrCat(R"({"id":2,"emit":)", emit(32), "}"));
  EXPECT_THAT(socket.ReadMessage(), HasSubstr(delivered));
  EXPECT_THAT(socket.ReadMessage(), HasSubstr(R"({"reply":{"id":2,"emit":)"));

  EXPECT_THAT(EmitByGrpc("deep", "e", value_of(33)),
              StatusIs(absl::StatusCode::kInvalidArgument, absl::StrCat("data: ", rule)));
  const HttpReply emitted = server_.Post("/api/rooms/deep/emit", emit(33));
  EXPECT_EQ(emitted.status, 400);
  EXPECT_THAT(emitted.body, HasSubstr(absl::StrCat("\"data: ", rule)));
  socket.SendText(absl::StrCat(R"({"id":3,"emit":)", emit(33), "}"));
  EXPECT_THAT(socket.ReadMessage(),
              AllOf(HasSubstr(R"({"reply":{"id":3,"error":{"code":3,)"), HasSubstr(absl::StrCat("emit.data: ", rule))));

  EXPECT_EQ(SetByRest("deep", state("rest", 31)).status, 200);
  EXPECT_THAT(SetByGrpc("deep", JsonValue(state("grpc", 31))), IsOk());
  socket.SendText(absl::StrCat(R"({"id":4,"setState":{"roomId":"deep","state":)", state("socket", 31), "}}"));
  std::string reply;
  do reply = socket.ReadMessage();
  while (!reply.empty() && !absl::StartsWith(reply, R"({"reply":{"id":4,)"));
  EXPECT_THAT(reply, HasSubstr(R"({"reply":{"id":4,"setState":)"));
  const std::string body = server_.Call("GET", "/api/rooms/deep/state", "").body;
  for (const char* const key : {"rest", "grpc", "socket"}) {
    EXPECT_THAT(body, HasSubstr(absl::StrCat("\"", key, "\":", Nested(31)))) << key;
  }
  EXPECT_EQ(SetByRest("deep", state("rest", 32)).status, 400);
}

// An object is three messages of protobuf, of which its parsers take 100 in one another.
TEST_F(ValuesTest, TheDeepestObjectReachesEachReader) {
  std::string object = "1";
  for (int i = 0; i < 32; ++i) object = absl::StrCat(R"({"a":)", object, "}");
  const google::protobuf::Value value = JsonValue(object);
  TestClient grpc(server_, Door::kGrpc);
  TestClient proto(server_, Door::kProto);
  for (TestClient* const client : {&grpc, &proto}) ASSERT_TRUE(client->Join("deep").has_join());
  const auto watch = WatchRoom(WatchDoor::kGrpc, server_.http_port(), server_.grpc_port(), "deep");
  ASSERT_TRUE(watch->Read());

  ASSERT_THAT(EmitByGrpc("deep", "e", value), IsOk());
  ASSERT_THAT(SetByGrpc("deep", value), IsOk());
  for (TestClient* const client : {&grpc, &proto}) {
    EXPECT_TRUE(MessageDifferencer::Equals(client->WaitForEvent("deep", "e").data(), value));
  }
  std::optional<v1::ServerFrame> frame;
  do frame = watch->Read();
  while (frame && !frame->has_patch());
  EXPECT_TRUE(frame);
  EXPECT_TRUE(MessageDifferencer::Equals(GetByGrpc("deep").state(), value));
  EXPECT_TRUE(MessageDifferencer::Equals(grpc.GetState("deep").get_state().state(), value));
  v1::GetHistoryRequest request;
  request.set_room_id("deep");
  v1::GetHistoryResponse history;
  ASSERT_THAT(CallGrpc(*rooms_, &RoomStub::GetHistory, request, history), IsOk());
  EXPECT_THAT(history.frames(), SizeIs(4)) << "two joins, the event and the change";
}

TEST_F(ValuesTest, ADeepValueCostsNobodyTheSession) {
  const auto value_of = [](int lists) {
    google::protobuf::Value whole;
    google::protobuf::Value* value = &whole;
    for (int i = 0; i < lists; ++i) value = value->mutable_list_value()->add_values();
    value->set_null_value({});
    return whole;
  };
  const std::string rule = "data: nesting too deep (max 32)";
  for (const int lists : {33, 60, 200}) {
    EXPECT_THAT(EmitByGrpc("deep", "e", value_of(lists)), StatusIs(absl::StatusCode::kInvalidArgument, rule));
  }
  EXPECT_THAT(EmitByGrpc("deep", "e", value_of(1000)),
              StatusIs(absl::StatusCode::kInvalidArgument, "not a serialised atrium.v1.EmitRequest"));
  for (const Door door : {Door::kGrpc, Door::kProto}) {
    TestClient client(server_, door);
    ASSERT_TRUE(client.Join("deep").has_join());
    v1::ClientFrame frame = EmitFrame("deep", "e");
    for (const int lists : {33, 60, 200}) {
      *frame.mutable_emit()->mutable_data() = value_of(lists);
      EXPECT_THAT(client.Ask(frame).error(), StatusIs(absl::StatusCode::kInvalidArgument, absl::StrCat("emit.", rule)));
    }
    *frame.mutable_emit()->mutable_data() = value_of(1000);
    EXPECT_THAT(client.Ask(frame).error(),
                StatusIs(absl::StatusCode::kInvalidArgument, "not a serialised atrium.v1.ClientFrame"));
    EXPECT_TRUE(client.GetState("deep").has_get_state());
  }
}

// ---- What is refused

TEST_F(ValuesTest, ARefusedChangeMakesNoRoom) {
  std::string many = R"({"a":[0)";
  for (int i = 0; i < 60'000; ++i) many += ",0";
  many += "]}";
  EXPECT_EQ(SetByRest("absent", R"({"a":1})", "?expectedOffset=5").status, 409);
  EXPECT_EQ(SetByRest("absent", many).status, 429);
  EXPECT_EQ(SetByRest("chat:absent", R"({"a":1})").status, 400);
  for (const std::string room : {"absent", "chat:absent"}) {
    EXPECT_EQ(server_.Call("GET", absl::StrCat("/api/rooms/", room), "").status, 404) << room;
  }
  EXPECT_EQ(SetByRest("absent", R"({"a":1})", "?expectedOffset=0").status, 200);
}

// ---- Positions

TEST_F(ValuesTest, AnOffsetOfTheFutureIsNotExpected) {
  TestClient client(server_, Door::kProto);
  const v1::Position position = client.Join("room").join().position();
  const std::string at = absl::StrCat("it is at ", position.epoch(), ":", position.offset());
  RawWebSocket socket(server_.http_port());
  for (const std::string& offset : {absl::StrCat(position.offset() + 1), std::string("18446744073709551615")}) {
    const HttpReply rest = SetByRest("room", R"({"a":1})", absl::StrCat("?expectedOffset=", offset));
    EXPECT_EQ(rest.status, 409);
    EXPECT_THAT(rest.body, AllOf(HasSubstr(at), HasSubstr("STATE_CHANGED")));
    v1::SetStateRequest request;
    request.set_room_id("room");
    request.set_expected_offset(std::stoull(offset));
    *request.mutable_state() = JsonValue(R"({"a":1})");
    v1::SetStateResponse response;
    EXPECT_THAT(CallGrpc(*rooms_, &RoomStub::SetState, request, response),
                StatusIs(absl::StatusCode::kAborted, HasSubstr(at)));
    v1::ClientFrame frame;
    *frame.mutable_set_state() = request;
    EXPECT_THAT(client.Ask(frame).error(), StatusIs(absl::StatusCode::kAborted, HasSubstr(at)));
  }
  EXPECT_EQ(GetByGrpc("room").position().offset(), position.offset());
  EXPECT_EQ(SetByRest("room", R"({"a":1})", absl::StrCat("?expectedOffset=", position.offset())).status, 200);
}

}  // namespace
}  // namespace atrium
