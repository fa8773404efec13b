#include "server/http/rest_router.h"

#include <gmock/gmock.h>
#include <google/api/annotations.pb.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/http/fake_rpcs.h"

namespace atrium {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RestRouterTest : public testing::Test {
 protected:
  // "Method variable=value..." or "404" or "405 methods..." or "400".
  std::string Match(const std::string& method, const std::string& path) const {
    const absl::StatusOr<RestMatch> matched = router_.Match(method, path);
    if (!matched.ok()) return "400";
    const RestMatch& match = *matched;
    if (match.route == nullptr) {
      std::string text = match.allowed.empty() ? "404" : "405";
      for (const std::string& allowed : match.allowed) text += " " + allowed;
      return text;
    }
    std::string text = match.route->rpc->name();
    for (const auto& [field, value] : match.variables) text += " " + field->name() + "=" + value;
    return text;
  }

  const RestRouter router_ = *RestRouter::Create(AllServices());
};

TEST_F(RestRouterTest, FindsMethodsByTheirAnnotations) {
  EXPECT_EQ(Match("POST", "/api/rooms/geral/messages"), "SendMessage room_id=geral");
  EXPECT_EQ(Match("POST", "/api/rooms/tech/emit"), "Emit room_id=tech");
  EXPECT_EQ(Match("PATCH", "/api/rooms/tech/state"), "SetState room_id=tech");
  EXPECT_EQ(Match("GET", "/api/rooms/tech/state"), "GetState room_id=tech");
  EXPECT_EQ(Match("DELETE", "/api/rooms/tech/members/s-1"), "Leave room_id=tech member_id=s-1");
  EXPECT_EQ(Match("GET", "/api/rooms"), "ListRooms");
  EXPECT_EQ(Match("DELETE", "/api/sessions/s-1"), "DisconnectSession session_id=s-1");
}

TEST_F(RestRouterTest, PrefersALiteralToAVariable) {
  EXPECT_EQ(Match("GET", "/api/rooms/stats"), "GetStats");
  EXPECT_EQ(Match("GET", "/api/rooms/stats2"), "GetRoom room_id=stats2");
  EXPECT_EQ(Match("GET", "/api/rooms/stats/state"), "GetState room_id=stats");
}

TEST_F(RestRouterTest, TakesAColonAsPartOfASegment) {
  EXPECT_EQ(Match("POST", "/api/rooms/chat:lobby/emit"), "Emit room_id=chat:lobby");
  EXPECT_EQ(Match("GET", "/api/rooms/chat:lobby"), "GetRoom room_id=chat:lobby");
}

TEST_F(RestRouterTest, DecodesVariables) {
  EXPECT_EQ(Match("GET", "/api/rooms/chat%3Alobby"), "GetRoom room_id=chat:lobby");
  EXPECT_EQ(Match("GET", "/api/rooms/a%2Fb"), "GetRoom room_id=a/b");
  EXPECT_EQ(Match("GET", "/api/rooms/a+b"), "GetRoom room_id=a+b");
  EXPECT_EQ(Match("GET", "/api/rooms/%C3%A9"), "GetRoom room_id=\xC3\xA9");
}

TEST_F(RestRouterTest, RefusesABrokenEscapeWhateverThePath) {
  EXPECT_EQ(Match("GET", "/api/rooms/%FF"), "400") << "not UTF-8";
  for (const char* const path : {"/api/rooms/%4", "/api/rooms/%", "/api/rooms/%zz", "/api/rooms/a%2", "/api/%0g/a",
                                 "/%", "/metrics%", "/api/rooms/%zz/state", "/nothing/%-1"}) {
    EXPECT_EQ(Match("GET", path), "400") << path;
    EXPECT_EQ(Match("PUT", path), "400") << path;
  }
}

TEST_F(RestRouterTest, MatchesWholePathsOnly) {
  for (const char* const path : {"", "/", "api/rooms", "/api", "/api/rooms/", "/api/rooms/a/", "/api/rooms//state",
                                 "/api/rooms/a/state/b", "/API/rooms", "//api/rooms"}) {
    EXPECT_EQ(Match("GET", path), "404") << path;
  }
}

TEST_F(RestRouterTest, NamesTheMethodsOfAPath) {
  EXPECT_EQ(Match("PUT", "/api/rooms/a/state"), "405 PATCH GET HEAD");
  EXPECT_EQ(Match("POST", "/api/rooms"), "405 GET HEAD");
  // A variable of other methods matches here too.
  EXPECT_EQ(Match("POST", "/api/rooms/stats"), "405 GET HEAD PATCH DELETE");
  EXPECT_EQ(Match("GET", "/api/rooms/a/emit"), "405 POST");
}

TEST_F(RestRouterTest, KnowsWhatTheBodyIs) {
  EXPECT_TRUE(router_.Match("POST", "/api/rooms/a/emit")->route->body_is_request);
  EXPECT_EQ(router_.Match("PATCH", "/api/rooms/a/state")->route->body_field->name(), "state");
  const RestRoute& none = *router_.Match("GET", "/api/rooms")->route;
  EXPECT_FALSE(none.body_is_request);
  EXPECT_EQ(none.body_field, nullptr);
}

// The router of a service with one method, Get of GetRoomRequest, with `rule`.
absl::StatusOr<RestRouter> RouterOf(const google::api::HttpRule& rule, google::protobuf::DescriptorPool& pool) {
  google::protobuf::FileDescriptorProto file;
  file.set_name("service.proto");
  file.add_dependency("atrium/v1/frames.proto");
  auto& service = *file.add_service();
  service.set_name("Service");
  auto& method = *service.add_method();
  method.set_name("Get");
  method.set_input_type(".atrium.v1.GetRoomRequest");
  method.set_output_type(".atrium.v1.GetRoomRequest");
  *method.mutable_options()->MutableExtension(google::api::http) = rule;
  const google::protobuf::ServiceDescriptor* const built = pool.BuildFile(file)->service(0);
  return RestRouter::Create({built});
}

TEST(RestRouterRuleTest, HasAdditionalBindings) {
  google::api::HttpRule rule;
  rule.set_get("/a/{room_id}");
  rule.add_additional_bindings()->set_put("/b/{room_id}");
  google::protobuf::DescriptorPool pool(google::protobuf::DescriptorPool::generated_pool());
  const absl::StatusOr<RestRouter> router = RouterOf(rule, pool);
  ASSERT_TRUE(router.ok()) << router.status();
  EXPECT_NE(router->Match("GET", "/a/x")->route, nullptr);
  EXPECT_NE(router->Match("PUT", "/b/x")->route, nullptr);
  EXPECT_THAT(router->Match("PUT", "/a/x")->allowed, ElementsAre("GET", "HEAD"));
  EXPECT_THAT(router->Match("PUT", "/c/x")->allowed, IsEmpty());
}

TEST(RestRouterRuleTest, IsRefusedIfItIsNotUnderstood) {
  for (const char* const path : {"a", "/a/{room}", "/a/{room_id=**}", "/a/*", "/a/x{room_id}", "/a/{}"}) {
    google::api::HttpRule rule;
    rule.set_get(path);
    google::protobuf::DescriptorPool pool(google::protobuf::DescriptorPool::generated_pool());
    const absl::Status status = RouterOf(rule, pool).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << path;
    EXPECT_THAT(std::string(status.message()), HasSubstr("Service.Get"));
  }
}

}  // namespace
}  // namespace atrium
