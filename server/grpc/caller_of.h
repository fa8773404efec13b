#pragma once

#include <grpcpp/server_context.h>

#include "server/api/caller.h"

namespace atrium {

// Returns who asks by a call of RoomService or SessionService: whoever reaches this port is a service.
inline Caller CallerOf(const ::grpc::ServerContext&) { return Caller::Service(); }

}  // namespace atrium
