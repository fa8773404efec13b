#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/grpc_stubs.h"
#include "tests/support/matchers.h"
#include "tests/support/raw_websocket.h"
#include "tests/support/test_server.h"

namespace atrium {

// JSON values through each door of a server.
class ValuesTest : public testing::Test {
 protected:
  using RoomStub = v1::RoomService::Stub;

  // The largest values fit into all limits but those that are tried here.
  ValuesTest()
      : server_(
            {"--session-rate=0", "--max-message-bytes=8000000", "--max-body-bytes=8000000", "--send-queue-bytes=0"}),
        rooms_(v1::RoomService::NewStub(GrpcChannel(server_.grpc_port()))) {}

  grpc::Status SetByGrpc(const std::string& room, const google::protobuf::Value& state) {
    v1::SetStateRequest request;
    request.set_room_id(room);
    *request.mutable_state() = state;
    v1::SetStateResponse response;
    return CallGrpc(*rooms_, &RoomStub::SetState, request, response);
  }
  grpc::Status EmitByGrpc(const std::string& room, const std::string& event, const google::protobuf::Value& data) {
    v1::EmitRequest request;
    request.set_room_id(room);
    request.set_event(event);
    *request.mutable_data() = data;
    v1::EmitResponse response;
    return CallGrpc(*rooms_, &RoomStub::Emit, request, response);
  }
  v1::GetStateResponse GetByGrpc(const std::string& room) {
    v1::GetStateRequest request;
    request.set_room_id(room);
    v1::GetStateResponse response;
    EXPECT_THAT(CallGrpc(*rooms_, &RoomStub::GetState, request, response), IsOk());
    return response;
  }
  HttpReply SetByRest(const std::string& room, const std::string& merge, const std::string& query = "") {
    return server_.Call("PATCH", absl::StrCat("/api/rooms/", room, "/state", query), merge);
  }

  // A client of JSON that is written as it is.
  RawWebSocket Raw(const std::string& room) {
    RawWebSocket socket(server_.http_port());
    socket.SendText(R"({"hello":{}})");
    socket.ReadMessage();
    socket.SendText(absl::StrCat(R"({"id":1,"join":{"roomId":")", room, R"("}})"));
    socket.ReadMessage();
    return socket;
  }

  TestServer server_;
  const std::unique_ptr<RoomStub> rooms_;
};

inline google::protobuf::Value StateOf(const google::protobuf::Value& value) {
  google::protobuf::Value state;
  (*state.mutable_struct_value()->mutable_fields())["n"] = value;
  return state;
}

}  // namespace atrium
