#pragma once

#include <boost/asio/ip/address_v6.hpp>
#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "server/common/mutex.h"
#include "server/common/refusals.h"
#include "server/live/shards/socket.h"

namespace atrium {

// Decides whether a connection may stay that has just been accepted, before a byte of it is read and whatever its door.
//
// Some file descriptors are kept in reserve, because without any the log cannot open its files. And one address may
// have so many connections at a time, so that it cannot keep everybody else out: IPv6 by its /64, which is what one
// customer is given (RFC 6177). A connection counts while it holds its Socket::Place: until it ends, or until it has
// shown a credential, behind which others may stand. It is thread-safe, and outlives the sockets that it admits.
class ConnectionLimiter {
 public:
  // 0 means no limit. `refusals` must outlive it. The limit of descriptors is that of the process now.
  ConnectionLimiter(int most_per_address, Refusals& refusals);

  // Gives `socket` its place, or counts the refusal and returns false: the socket is to be closed.
  bool Admit(Socket& socket);

  // Returns how many descriptors may be in use before connections are refused.
  int64_t most_descriptors() const { return most_descriptors_; }

 private:
  using Key = boost::asio::ip::address_v6::bytes_type;

  void Leave(const Key& key);

  const int most_per_address_;
  const int64_t most_descriptors_;
  Refusals& refusals_;
  Mutex mutex_;
  absl::flat_hash_map<Key, int> connections_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atrium
