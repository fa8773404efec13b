#include "server/session/client_address.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace atrium {

namespace ip = boost::asio::ip;

std::string NormalAddress(absl::string_view address) {
  boost::system::error_code error;
  const ip::address parsed = ip::make_address(std::string(address.substr(0, address.find('%'))), error);
  return error ? std::string() : NormalAddress(parsed);
}

std::string NormalAddress(const ip::address& address) {
  if (address.is_v6() && !address.to_v6().is_v4_mapped()) {
    return ip::address_v6(address.to_v6().to_bytes()).to_string();
  }
  const ip::address_v4::bytes_type bytes =
      (address.is_v4() ? address.to_v4() : make_address_v4(ip::v4_mapped, address.to_v6())).to_bytes();
  // By itself, Asio prints it by sprintf, which takes longer than all else that is done with a new connection's
  // address.
  return absl::StrCat(bytes[0], ".", bytes[1], ".", bytes[2], ".", bytes[3]);
}

std::string AddressOfGrpcPeer(absl::string_view peer) {
  if (!absl::ConsumePrefix(&peer, "ipv4:") && !absl::ConsumePrefix(&peer, "ipv6:")) return "";
  peer = peer.substr(0, peer.rfind(':'));
  return NormalAddress(absl::StrReplaceAll(peer, {{"%5B", ""}, {"%5D", ""}, {"[", ""}, {"]", ""}, {"%25", "%"}}));
}

}  // namespace atrium
