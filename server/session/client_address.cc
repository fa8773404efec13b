#include "server/session/client_address.h"

#include <boost/asio/ip/address.hpp>

#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace atrium {

std::string NormalAddress(absl::string_view address) {
  namespace ip = boost::asio::ip;
  boost::system::error_code error;
  const ip::address parsed = ip::make_address(std::string(address.substr(0, address.find('%'))), error);
  if (error) return "";
  if (parsed.is_v6() && parsed.to_v6().is_v4_mapped())
    return make_address_v4(ip::v4_mapped, parsed.to_v6()).to_string();
  return parsed.to_string();
}

std::string AddressOfGrpcPeer(absl::string_view peer) {
  if (!absl::ConsumePrefix(&peer, "ipv4:") && !absl::ConsumePrefix(&peer, "ipv6:")) return "";
  peer = peer.substr(0, peer.rfind(':'));
  return NormalAddress(absl::StrReplaceAll(peer, {{"%5B", ""}, {"%5D", ""}, {"[", ""}, {"]", ""}, {"%25", "%"}}));
}

}  // namespace atrium
