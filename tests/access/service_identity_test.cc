#include "server/access/service_identity.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace atrium {
namespace {

ServiceScope ForAllRooms(std::vector<std::string> methods) { return {.methods = std::move(methods)}; }

ServiceScope ForRooms(std::vector<std::string> methods, const std::vector<std::string>& patterns) {
  ServiceScope scope{.methods = std::move(methods), .rooms = std::vector<RoomPattern>()};
  for (const std::string& pattern : patterns) scope.rooms->push_back(*RoomPattern::Parse("room", pattern));
  return scope;
}

TEST(ServiceIdentityTest, AMethodIsNamedWhollyOrByItsBeginning) {
  const ServiceScope scope = ForAllRooms({"Emit", "Get*"});
  EXPECT_TRUE(scope.Allows("Emit", "geral", false));
  EXPECT_TRUE(scope.Allows("GetState", "geral", false));
  EXPECT_TRUE(scope.Allows("Get", "geral", false));
  EXPECT_FALSE(scope.Allows("Emi", "geral", false));
  EXPECT_FALSE(scope.Allows("EmitAll", "geral", false));
  EXPECT_FALSE(scope.Allows("emit", "geral", false));
  EXPECT_FALSE(scope.Allows("", "geral", false));
  EXPECT_TRUE(ForAllRooms({"*"}).Allows("DestroyRoom", "geral", false));
  EXPECT_FALSE(ForAllRooms({}).Allows("Emit", "geral", false));
}

TEST(ServiceIdentityTest, WithoutRoomsAScopeIsForAllAndForWhatIsAboutNone) {
  const ServiceScope scope = ForAllRooms({"*"});
  EXPECT_TRUE(scope.Allows("GetStats", "", false));
  EXPECT_TRUE(scope.Allows("Emit", "geral", false));
  EXPECT_TRUE(scope.Allows("Emit", "chat:board", true));
}

TEST(ServiceIdentityTest, WithRoomsAScopeIsForWhatIsAboutThem) {
  const ServiceScope scope = ForRooms({"*"}, {"geral", "chat:*"});
  EXPECT_TRUE(scope.Allows("Emit", "geral", false));
  EXPECT_TRUE(scope.Allows("Emit", "chat:board", true));
  EXPECT_FALSE(scope.Allows("Emit", "other", false));
  EXPECT_FALSE(scope.Allows("ListRooms", "", false));
  // A pattern that names all rooms names none where there is none.
  EXPECT_FALSE(ForRooms({"*"}, {"*"}).Allows("ListRooms", "", false));
  EXPECT_FALSE(ForRooms({"*"}, {"*"}).Allows("Emit", "chat:board", true));
  EXPECT_FALSE(ForRooms({"*"}, {}).Allows("Emit", "geral", false));
}

TEST(ServiceIdentityTest, OneScopeHasToAllowAllOfIt) {
  const ServiceIdentity identity{.scopes = {ForRooms({"Emit"}, {"a"}), ForRooms({"GetState"}, {"b"})}};
  EXPECT_TRUE(identity.Allows("Emit", "a", false));
  EXPECT_TRUE(identity.Allows("GetState", "b", false));
  EXPECT_FALSE(identity.Allows("Emit", "b", false));
  EXPECT_FALSE(identity.Allows("GetState", "a", false));
}

}  // namespace
}  // namespace atrium
