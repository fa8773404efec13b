// Commands that change a room.

#include <iostream>

#include "absl/strings/str_cat.h"
#include "client-sdk/cli/commands.h"
#include "client-sdk/cli/format.h"
#include "client-sdk/cli/json.h"
#include "client-sdk/cli/rpc.h"

namespace atrium::cli {
namespace {

absl::StatusOr<google::protobuf::Value> JsonArgument(absl::string_view what, const std::string& text) {
  auto value = ReadJson(what, text);
  if (!value.ok()) return BadUsage(value.status().message());
  return value;
}

// Requests that may be repeated have the key under one name.
template <typename Request>
void SetKey(const Invocation& invocation, Request& request) {
  if (invocation.has("key")) request.set_idempotency_key(invocation.flag<std::string>("key"));
}

template <typename Ids>
void AddIds(const Invocation& invocation, const char* flag, Ids* ids) {
  if (!invocation.has(flag)) return;
  for (const std::string& id : invocation.flag<std::vector<std::string>>(flag)) *ids->Add() = id;
}

absl::Status ShowState(const Invocation& invocation, Rpc& rpc) {
  v1::GetStateRequest request;
  request.set_room_id(invocation.arguments[0]);
  const auto response = rpc.Ask(&v1::RoomService::Stub::GetState, request);
  if (!response.ok()) return response.status();
  if (invocation.json) {
    std::cout << ToJson(*response) << "\n";
  } else {
    std::cout << Text(response->position()) << " " << ToJson(response->state()) << "\n";
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Emit(const Invocation& invocation) {
  v1::EmitRequest request;
  request.set_room_id(invocation.arguments[0]);
  request.set_event(invocation.arguments[1]);
  if (invocation.arguments.size() > 2) {
    auto data = JsonArgument("the event's data", invocation.arguments[2]);
    if (!data.ok()) return data.status();
    *request.mutable_data() = *std::move(data);
  }
  AddIds(invocation, "to", request.mutable_to());
  AddIds(invocation, "exclude", request.mutable_exclude());
  request.set_volatile_(invocation.flag<bool>("volatile"));
  SetKey(invocation, request);
  Rpc rpc(invocation.address, invocation.credentials);
  const auto response = rpc.Ask(&v1::RoomService::Stub::Emit, request);
  if (!response.ok()) return response.status();
  if (invocation.json) {
    std::cout << ToJson(*response) << "\n";
  } else if (!response->has_position()) {
    std::cout << "nobody got it: there is no room " << request.room_id() << "\n";
  } else if (request.volatile_()) {
    std::cout << "handed to " << response->notified() << "\n";
  } else {
    std::cout << Text(response->position()) << " handed to " << response->notified() << "\n";
  }
  return absl::OkStatus();
}

absl::Status State(const Invocation& invocation) {
  Rpc rpc(invocation.address, invocation.credentials);
  if (!invocation.has("set")) {
    if (invocation.has("expect-offset") || invocation.has("key")) {
      return BadUsage("--expect-offset and --key go with --set");
    }
    return ShowState(invocation, rpc);
  }
  v1::SetStateRequest request;
  request.set_room_id(invocation.arguments[0]);
  auto merge = JsonArgument("--set", invocation.flag<std::string>("set"));
  if (!merge.ok()) return merge.status();
  *request.mutable_state() = *std::move(merge);
  if (invocation.has("expect-offset")) request.set_expected_offset(invocation.flag<uint64_t>("expect-offset"));
  SetKey(invocation, request);
  const auto response = rpc.Ask(&v1::RoomService::Stub::SetState, request);
  if (!response.ok()) return response.status();
  std::cout << (invocation.json ? ToJson(*response) : Text(response->position())) << "\n";
  return absl::OkStatus();
}

absl::Status Call(const Invocation& invocation) {
  v1::CallRequest request;
  request.set_room_id(invocation.arguments[0]);
  request.set_method(invocation.arguments[1]);
  if (invocation.arguments.size() > 2) {
    auto args = JsonArgument("the arguments", invocation.arguments[2]);
    if (!args.ok()) return args.status();
    *request.mutable_args() = *std::move(args);
  }
  SetKey(invocation, request);
  Rpc rpc(invocation.address, invocation.credentials);
  const auto response = rpc.Ask(&v1::RoomService::Stub::Call, request);
  if (!response.ok()) return response.status();
  std::cout << (invocation.json ? ToJson(*response) : ToJson(response->result())) << "\n";
  return absl::OkStatus();
}

}  // namespace atrium::cli
