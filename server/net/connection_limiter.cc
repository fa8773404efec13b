#include "server/net/connection_limiter.h"

#include <sys/resource.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace atrium {
namespace {

namespace ip = boost::asio::ip;

constexpr int64_t kReservedDescriptors = 64;
// With few descriptors in all, a smaller part of them is kept.
constexpr int64_t kReservedPart = 4;
constexpr size_t kPrefixBytes = 8;

int64_t MostDescriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::numeric_limits<int64_t>::max();
  }
  const auto all = static_cast<int64_t>(limit.rlim_cur);
  return all - std::min(kReservedDescriptors, all / kReservedPart);
}

ip::address_v6::bytes_type KeyOf(const ip::address& address) {
  if (address.is_v4()) return ip::make_address_v6(ip::v4_mapped, address.to_v4()).to_bytes();
  ip::address_v6::bytes_type bytes = address.to_v6().to_bytes();
  if (!address.to_v6().is_v4_mapped()) std::fill(bytes.begin() + kPrefixBytes, bytes.end(), 0);
  return bytes;
}

}  // namespace

ConnectionLimiter::ConnectionLimiter(int most_per_address, Refusals& refusals)
    : most_per_address_(most_per_address), most_descriptors_(MostDescriptors()), refusals_(refusals) {}

bool ConnectionLimiter::Admit(Socket& socket) {
  // The kernel gives out the lowest number that is free, so that all below it are in use.
  if (socket.descriptor() >= most_descriptors_) {
    refusals_.Count(Limit::kDescriptors, most_descriptors_);
    return false;
  }
  if (most_per_address_ == 0) return true;
  const Key key = KeyOf(socket.peer().address());
  {
    const MutexLock lock(mutex_);
    int& connections = connections_[key];
    if (connections < most_per_address_) {
      ++connections;
      socket.set_place(Socket::Place(this, [key](ConnectionLimiter* self) { self->Leave(key); }));
      return true;
    }
  }
  refusals_.Count(Limit::kAddressConnections, most_per_address_);
  return false;
}

void ConnectionLimiter::Leave(const Key& key) {
  const MutexLock lock(mutex_);
  const auto found = connections_.find(key);
  if (--found->second == 0) connections_.erase(found);
}

}  // namespace atrium
