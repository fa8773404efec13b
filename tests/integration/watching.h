#pragma once

#include <string>

#include "tests/support/room_reader.h"
#include "tests/support/test_server.h"

namespace atrium {

constexpr char kGrpcObservers[] = "atrium_observers{transport=\"grpc\"}";
constexpr char kSseObservers[] = "atrium_observers{transport=\"sse\"}";
constexpr char kLineObservers[] = "atrium_observers{transport=\"ndjson\"}";

// How many readers the server has, whatever their door.
double Observers(const TestServer& server);

// Of a reader of server-sent events. An empty id is not sent.
HttpReader::Options Events(const std::string& last_event_id = "");

// By a service. `rest` is JSON that follows the event's name: `,"volatile":true`.
void EmitInto(const TestServer& server, const std::string& room, const std::string& event,
              const std::string& rest = "");

}  // namespace atrium
