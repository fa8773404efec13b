#include "server/api/authorizer.h"

#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rooms/counter_room.h"
#include "server/api/room_api.h"
#include "server/common/errors.h"
#include "server/live/rooms/room_errors.h"
#include "server/session/session_api.h"

namespace atrium {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Caller kClient = Caller::Client({.session_id = "s0-1", .user_id = "bea"});
const Caller kComponent = Caller::Component({.session_id = "s0-1", .user_id = "bea", .member_id = "s0-1.c1"});

constexpr char kUntyped[] = "geral";
constexpr char kTyped[] = "counter:global";

// The reason of a refusal; empty if there is none.
struct Expected {
  std::string client_untyped, client_typed, server_code_untyped, server_code_typed;
};
const Expected kAllowed = {"", "", "", ""};
const Expected kServerCode = {"SERVER_CODE_ONLY", "SERVER_CODE_ONLY", "", ""};

const std::map<Verb, Expected>& Expectations() {
  static const auto& expectations = *new std::map<Verb, Expected>{
      {Verb::kJoin, {"", "SERVER_SIDE_JOIN_ONLY", "", ""}},
      {Verb::kLeave, kAllowed},
      {Verb::kEmit, kAllowed},
      {Verb::kSendMessage, kServerCode},
      {Verb::kSetState, {"", "STATE_SERVER_ONLY", "", "STATE_SERVER_ONLY"}},
      {Verb::kGetState, kAllowed},
      {Verb::kGetHistory, kServerCode},
      {Verb::kWatch, kServerCode},
      {Verb::kGetRoom, kServerCode},
      {Verb::kListRooms, kServerCode},
      {Verb::kListMembers, kServerCode},
      {Verb::kCall, kAllowed},
      {Verb::kUpdateRoom, kServerCode},
      {Verb::kDestroyRoom, kServerCode},
      {Verb::kListRoomTypes, kServerCode},
      {Verb::kGetStats, kServerCode},
      {Verb::kConnect, kAllowed},
      {Verb::kListSessions, kServerCode},
      {Verb::kDisconnectSession, kServerCode},
  };
  return expectations;
}

class AuthorizerTest : public ::testing::Test {
 protected:
  AuthorizerTest() { EXPECT_TRUE(registry_.Add<rooms::CounterRoom>().ok()); }

  std::string ReasonOf(const Caller& caller, Verb verb, absl::string_view room) {
    const absl::Status status = authorizer_.Authorize(caller, verb, room, "increment");
    std::vector<std::string> steps;
    EXPECT_EQ(authorizer_.Authorize(caller, verb, room, "increment", &steps), status);
    EXPECT_THAT(steps, Not(IsEmpty()));
    return status.ok() ? "" : ErrorReason(status);
  }
  std::vector<std::string> Steps(const Caller& caller, Verb verb, absl::string_view room = {},
                                 absl::string_view method = {}) {
    std::vector<std::string> steps;
    authorizer_.Authorize(caller, verb, room, method, &steps).IgnoreError();
    return steps;
  }

  RoomRegistry registry_;
  const Authorizer authorizer_{registry_};
};

TEST_F(AuthorizerTest, EachVerbHasARuleForEachCallerAndRoom) {
  size_t rows = 0;
  const auto check = [&](const auto& row) {
    SCOPED_TRACE(row.name);
    ++rows;
    const auto it = Expectations().find(row.verb);
    ASSERT_NE(it, Expectations().end());
    EXPECT_EQ(ReasonOf(kClient, row.verb, kUntyped), it->second.client_untyped);
    EXPECT_EQ(ReasonOf(kClient, row.verb, kTyped), it->second.client_typed);
    for (const Caller& server_code : {Caller::Service(), kComponent}) {
      EXPECT_EQ(ReasonOf(server_code, row.verb, kUntyped), it->second.server_code_untyped);
      EXPECT_EQ(ReasonOf(server_code, row.verb, kTyped), it->second.server_code_typed);
    }
  };
  ForEachVerb<kRoomVerbs>(check);
  ForEachVerb<kSessionVerbs>(check);
  EXPECT_EQ(rows, Expectations().size());
}

TEST_F(AuthorizerTest, RefusalsHaveTheirCode) {
  EXPECT_EQ(authorizer_.Authorize(kClient, Verb::kJoin, kTyped), ServerSideJoinOnly());
  EXPECT_EQ(authorizer_.Authorize(Caller::Service(), Verb::kSetState, kTyped), StateIsServerOnly());
  EXPECT_EQ(authorizer_.Authorize(kClient, Verb::kDestroyRoom, kUntyped).code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(AuthorizerTest, AnIdThatNoRoomCanHaveIsForWhoValidatesIt) {
  const std::string overlong = absl::StrCat(kTyped, std::string(64, 'x'));
  EXPECT_TRUE(authorizer_.Authorize(kClient, Verb::kJoin, overlong).ok());
  EXPECT_TRUE(authorizer_.Authorize(Caller::Service(), Verb::kSetState, overlong).ok());
}

TEST_F(AuthorizerTest, OnlyServerCodeSaysWhatOthersSeeOfAMember) {
  EXPECT_TRUE(authorizer_.AuthorizeInfo(Caller::Service()).ok());
  EXPECT_TRUE(authorizer_.AuthorizeInfo(kComponent).ok());
  EXPECT_EQ(authorizer_.AuthorizeInfo(kClient), InvalidField("info", "is set by services only"));
}

TEST_F(AuthorizerTest, TellsTheStepsThatItTried) {
  EXPECT_THAT(Steps(kClient, Verb::kJoin, kTyped),
              ElementsAre("asked by a service or a component: no", "the room is untyped: no"));
  EXPECT_THAT(Steps(kClient, Verb::kJoin, kUntyped),
              ElementsAre("asked by a service or a component: no", "the room is untyped: yes"));
  EXPECT_THAT(Steps(kComponent, Verb::kJoin, kTyped), ElementsAre("asked by a service or a component: yes"));
  EXPECT_THAT(Steps(Caller::Service(), Verb::kSetState, kTyped), ElementsAre("the room is untyped: no"));
  EXPECT_THAT(Steps(kClient, Verb::kConnect), ElementsAre("anybody may: yes"));
  EXPECT_THAT(Steps(kClient, Verb::kCall, kTyped, "increment"),
              ElementsAre("asked by a service or a component: no",
                          "a member of the room, which may call increment: for the room to say"));
  EXPECT_THAT(Steps(kClient, Verb::kEmit, kTyped),
              ElementsAre("asked by a service or a component: no", "a member of the room: for the room to say"));
}

}  // namespace
}  // namespace atrium
