#include "server/access/client_identity.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace atrium {
namespace {

Grant MakeGrant(absl::string_view room, std::initializer_list<GrantVerb> verbs) {
  Grant grant{*RoomPattern::Parse("room", room)};
  for (const GrantVerb verb : verbs) grant.can |= static_cast<uint8_t>(1 << static_cast<int>(verb));
  return grant;
}

TEST(ClientIdentityTest, VerbsHaveNames) {
  const std::vector<std::pair<GrantVerb, const char*>> names = {
      {GrantVerb::kJoin, "join"},      {GrantVerb::kEmit, "emit"},   {GrantVerb::kSetState, "set_state"},
      {GrantVerb::kCall, "call"},      {GrantVerb::kWatch, "watch"}, {GrantVerb::kHistory, "history"},
      {GrantVerb::kMembers, "members"}};
  ASSERT_EQ(names.size(), static_cast<size_t>(kGrantVerbs));
  for (const auto& [verb, name] : names) {
    EXPECT_EQ(GrantVerbName(verb), name);
    EXPECT_EQ(FindGrantVerb(name), verb);
  }
  for (const char* name : {"", "Join", "setState", "*", "join "}) EXPECT_EQ(FindGrantVerb(name), std::nullopt) << name;
}

TEST(ClientIdentityTest, MayDoNothingWithoutAGrant) {
  const ClientIdentity identity;
  for (int i = 0; i < kGrantVerbs; ++i) EXPECT_FALSE(identity.Allows(static_cast<GrantVerb>(i), "lobby", false));
  EXPECT_EQ(identity.NearestGrant("lobby", false), "");
}

TEST(ClientIdentityTest, AGrantIsForItsVerbsInItsRooms) {
  ClientIdentity identity;
  identity.grants.push_back(MakeGrant("lobby", {GrantVerb::kJoin, GrantVerb::kMembers}));
  identity.grants.push_back(MakeGrant("chat*", {GrantVerb::kEmit}));
  EXPECT_TRUE(identity.Allows(GrantVerb::kJoin, "lobby", false));
  EXPECT_TRUE(identity.Allows(GrantVerb::kMembers, "lobby", false));
  EXPECT_FALSE(identity.Allows(GrantVerb::kEmit, "lobby", false));
  EXPECT_TRUE(identity.Allows(GrantVerb::kEmit, "chat1", false));
  EXPECT_FALSE(identity.Allows(GrantVerb::kJoin, "chat1", false)) << "verbs of one grant are not for another's rooms";
  EXPECT_FALSE(identity.Allows(GrantVerb::kEmit, "chat:1", true)) << "a typed room needs the colon";
}

TEST(ClientIdentityTest, AGrantMayNameMethods) {
  ClientIdentity identity;
  identity.grants.push_back(MakeGrant("counter:a", {GrantVerb::kCall, GrantVerb::kJoin}));
  EXPECT_TRUE(identity.Allows(GrantVerb::kCall, "counter:a", true, "increment"));
  identity.grants.front().methods = {"read"};
  EXPECT_TRUE(identity.Allows(GrantVerb::kCall, "counter:a", true, "read"));
  EXPECT_FALSE(identity.Allows(GrantVerb::kCall, "counter:a", true, "increment"));
  EXPECT_FALSE(identity.Allows(GrantVerb::kCall, "counter:a", true));
  EXPECT_TRUE(identity.Allows(GrantVerb::kJoin, "counter:a", true)) << "methods restrict calls only";
  identity.grants.front().methods.emplace();
  EXPECT_FALSE(identity.Allows(GrantVerb::kCall, "counter:a", true, "read"));
}

TEST(ClientIdentityTest, MountsWhatItMay) {
  ClientIdentity identity;
  EXPECT_FALSE(identity.MayMount("chat"));
  identity.components = {"chat"};
  EXPECT_TRUE(identity.MayMount("chat"));
  EXPECT_FALSE(identity.MayMount("chat2"));
  EXPECT_FALSE(identity.MayMount(""));
}

TEST(ClientIdentityTest, KnowsTheNearestGrant) {
  ClientIdentity identity;
  for (const char* room : {"lobby", "chat-b*", "chat-board", "game:*"}) identity.grants.push_back(MakeGrant(room, {}));
  EXPECT_EQ(identity.NearestGrant("chat-b1", false), "chat-b*") << "for the room";
  EXPECT_EQ(identity.NearestGrant("chat-a", false), "chat-b*");
  EXPECT_EQ(identity.NearestGrant("chat-board", false), "chat-b*") << "the first that is for the room";
  EXPECT_EQ(identity.NearestGrant("game:1", true), "game:*");
  EXPECT_EQ(identity.NearestGrant("gam", false), "game:*");
  EXPECT_EQ(identity.NearestGrant("xyz", false), "lobby") << "where none is nearer than another, the first";
}

}  // namespace
}  // namespace atrium
