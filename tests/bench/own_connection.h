#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>

#include <cstdint>
#include <memory>

#include "absl/strings/str_cat.h"

namespace atrium::bench {

// Returns a channel to this port of 127.0.0.1. gRPC would share one connection between channels to the same address;
// this one has its own.
inline std::shared_ptr<::grpc::Channel> OwnConnection(uint16_t port) {
  ::grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return ::grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port), ::grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace atrium::bench
