#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>

#include <cstdint>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "atrium/v1/rooms.grpc.pb.h"
#include "atrium/v1/sessions.grpc.pb.h"
#include "tests/support/eventually.h"

namespace atrium {

// A connection of its own: gRPC would share one between channels to the same address.
inline std::shared_ptr<grpc::Channel> GrpcChannel(uint16_t port) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials(), arguments);
}

// Calls `method` of `stub`, with a deadline.
//
//   CallGrpc(*rooms, &v1::RoomService::Stub::Emit, request, response)
template <typename Stub, typename Request, typename Response>
grpc::Status CallGrpc(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                      const Request& request, Response& response) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
  return (stub.*method)(&context, request, &response);
}

}  // namespace atrium
