#pragma once

#include <boost/asio/ip/address.hpp>
#include <string>

#include "absl/strings/string_view.h"

namespace atrium {

// Returns the IP address `address` in the one form that all transports give to it: IPv4 in IPv6 as IPv4, and without a
// scope. The result is empty if `address` is no IP address.
std::string NormalAddress(absl::string_view address);
std::string NormalAddress(const boost::asio::ip::address& address);

// Returns the address in gRPC's name of a peer, `ipv4:127.0.0.1:50000` or `ipv6:%5B::1%5D:50000`, as NormalAddress
// does. The result is empty if the peer has none, as over a Unix socket.
std::string AddressOfGrpcPeer(absl::string_view peer);

}  // namespace atrium
