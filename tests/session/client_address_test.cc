#include "server/session/client_address.h"

#include <gtest/gtest.h>

namespace atrium {
namespace {

TEST(ClientAddressTest, AnAddressHasOneForm) {
  EXPECT_EQ(NormalAddress("127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(NormalAddress("::ffff:127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(NormalAddress("2001:DB8:0::1"), "2001:db8::1");
  EXPECT_EQ(NormalAddress("fe80::1%eth0"), "fe80::1");
  EXPECT_EQ(NormalAddress("nowhere"), "");
  EXPECT_EQ(NormalAddress(""), "");
}

TEST(ClientAddressTest, AnAddressOfASocketHasTheSameForm) {
  const auto normal = [](const char* address) { return NormalAddress(boost::asio::ip::make_address(address)); };
  for (const char* const address : {"127.0.0.1", "255.0.10.200", "0.0.0.0", "::1", "2001:db8::1"}) {
    EXPECT_EQ(normal(address), address);
  }
  EXPECT_EQ(normal("::ffff:127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(normal("fe80::1%7"), "fe80::1");
}

TEST(ClientAddressTest, GrpcNamesAPeerByItsAddress) {
  EXPECT_EQ(AddressOfGrpcPeer("ipv4:127.0.0.1:50000"), "127.0.0.1");
  EXPECT_EQ(AddressOfGrpcPeer("ipv6:%5B2001:db8::1%5D:50000"), "2001:db8::1");
  EXPECT_EQ(AddressOfGrpcPeer("ipv6:[::ffff:127.0.0.1]:50000"), "127.0.0.1");
  EXPECT_EQ(AddressOfGrpcPeer("ipv6:%5Bfe80::1%25eth0%5D:50000"), "fe80::1");
  EXPECT_EQ(AddressOfGrpcPeer("unix:/run/atrium.sock"), "");
  EXPECT_EQ(AddressOfGrpcPeer(""), "");
}

}  // namespace
}  // namespace atrium
