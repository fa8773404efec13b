#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "server/common/counter.h"
#include "server/http/http_service.h"
#include "server/live/io_shard.h"

namespace atrium {

struct HttpLimits {
  // A longer body gets 413.
  size_t max_body_bytes = 1 << 20;
  // For the first byte of a connection, for a whole request from its first byte on, and for writing a response.
  absl::Duration request_timeout = absl::Seconds(10);
  // A stream of events that has nothing to say says so as often; 0: never.
  absl::Duration stream_heartbeat = absl::Seconds(25);
  // Between two requests.
  absl::Duration idle_timeout = absl::Seconds(60);
};

// What one shard has done. Written on the shard, read by any thread.
struct HttpCounters {
  // By the hundreds of their status: [2] counts 200 to 299.
  Counter responses[6];
  // Connections cut because they said nothing, sent half a request, or did not read their response.
  Counter timeouts;
  Counter upgrades;
};

// What all sessions share.
struct HttpGate {
  // Connections, upgraded ones not included.
  std::atomic<int> open{0};
  // Responses are the last of their connections.
  std::atomic<bool> draining{false};
};

class HttpSession;

// The HTTP side of one shard: what its sessions share.
struct HttpWorker {
  IoShard& shard;
  const HttpService& service;
  const HttpLimits limits;
  const std::shared_ptr<HttpGate> gate;
  HttpCounters counters;

  // On the shard. Those that may touch `service`: all but the ones that wait for a method's answer.
  absl::flat_hash_set<HttpSession*> sessions;
  bool closed = false;
  // Called when `closed` and `sessions` is empty.
  absl::AnyInvocable<void()> on_closed;

  // Ends all sessions, and then calls `done` once. On the shard.
  void Close(absl::AnyInvocable<void()> done);
};

// Serves HTTP/1.1 on `socket`, which is of the worker's shard and counted in its gate, until it ends or becomes a
// WebSocket. On the shard.
void ServeHttp(boost::asio::ip::tcp::socket socket, std::shared_ptr<HttpWorker> worker);

}  // namespace atrium
