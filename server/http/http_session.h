#pragma once

#include <atomic>
#include <memory>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/common/counter.h"
#include "server/http/http_service.h"
#include "server/live/shards/io_shard.h"
#include "server/live/shards/socket.h"

namespace atrium {

struct HttpLimits {
  // A longer body gets 413; with 0 none does.
  size_t max_body_bytes = 1 << 20;
  // A client has this time for the first byte of a connection, for a whole request from its first byte on, and to take
  // something of a response.
  absl::Duration request_timeout = absl::Seconds(10);
  // A stream of events that has nothing to say says so at this interval; with 0 it never does.
  absl::Duration stream_heartbeat = absl::Seconds(25);
  // A connection is kept for so long between two requests. That is longer than load balancers keep an idle connection,
  // 60 s by default: else they send a request on one that is being closed, and their client gets 502.
  absl::Duration idle_timeout = absl::Seconds(75);
};

// What one shard has done. It is written on the shard; any thread may read it.
struct HttpCounters {
  // They are counted by the hundreds of their status: [2] counts 200 to 299.
  Counter responses[6];
  // This counts connections that were cut because they said nothing, sent half a request, or did not read their
  // response.
  Counter timeouts;
  Counter upgrades;
};

// What the connections of all shards share. It is thread-safe.
struct HttpGate {
  // This counts connections, without upgraded ones.
  std::atomic<int> open{0};
  // If true, each response is the last of its connection.
  std::atomic<bool> draining{false};
};

class Arrival;
class HttpSession;

// The HTTP side of one shard: its connections, and what they share. It lives on that shard; any thread may read
// `counters` and `gate`.
struct HttpShard {
  IoShard& shard;
  const HttpService& service;
  const HttpLimits limits;
  const std::shared_ptr<HttpGate> gate;
  HttpCounters counters;

  // These are connections whose first request has not come yet.
  absl::flat_hash_set<std::shared_ptr<Arrival>> arrivals;
  // These may touch `service`: all but the ones that wait for a method's answer.
  absl::flat_hash_set<HttpSession*> sessions;
  bool closed = false;
  // This is called once it is `closed` and `sessions` is empty.
  absl::AnyInvocable<void()> on_closed;

  // Counts an upgrade whose 101 has been sent, and gives its connection away.
  void HandOver(Socket socket, const WebSocketAnswer& accepted, std::string leftover);
  // Ends all connections, and then calls `done` once.
  void Close(absl::AnyInvocable<void()> done);
};

// Serves HTTP/1.1 on `socket` until it ends or becomes a WebSocket. `read` is what its client has sent so far: the
// beginning of its first request, at least a byte. It is called on the shard.
void ServeHttp(Socket socket, std::shared_ptr<HttpShard> http, absl::string_view read);

}  // namespace atrium
