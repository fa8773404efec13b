#include "server/api/verb_table.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>

#include <set>
#include <string>
#include <vector>

#include "server/api/room_api.h"
#include "server/session/session_api.h"

namespace atrium {
namespace {

using google::protobuf::MethodDescriptor;
using ::testing::UnorderedElementsAreArray;

const google::protobuf::ServiceDescriptor& ServiceOf(absl::string_view name) {
  return *google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(std::string(name));
}

// Whether the row says of the method what its descriptor does.
template <typename Api, typename Request, typename Response>
void ExpectDescribes(const VerbRow<Api, Request, Response>&, const MethodDescriptor& method) {
  EXPECT_FALSE(method.client_streaming() || method.server_streaming()) << method.full_name();
  EXPECT_EQ(method.input_type(), Request::descriptor()) << method.full_name();
  EXPECT_EQ(method.output_type(), Response::descriptor()) << method.full_name();
}
void ExpectDescribes(const StreamRow&, const MethodDescriptor& method) {
  EXPECT_TRUE(method.server_streaming()) << method.full_name();
}

template <const auto& table>
void ExpectRowsAreMethods() {
  const google::protobuf::ServiceDescriptor& service = ServiceOf(table.service);
  std::vector<std::string> methods;
  for (int i = 0; i < service.method_count(); ++i) methods.push_back(service.method(i)->name());
  std::vector<std::string> rows;
  ForEachVerb<table>([&](const auto& row) {
    rows.emplace_back(row.name);
    const MethodDescriptor* const method = service.FindMethodByName(rows.back());
    ASSERT_NE(method, nullptr) << row.name;
    EXPECT_EQ(FullName<table>(row), method->full_name());
    ExpectDescribes(row, *method);
  });
  EXPECT_THAT(rows, UnorderedElementsAreArray(methods));
}

TEST(VerbTableTest, EachMethodOfAServiceHasOneRowAndEachRowAMethod) {
  ExpectRowsAreMethods<kRoomVerbs>();
  ExpectRowsAreMethods<kSessionVerbs>();
}

TEST(VerbTableTest, NoTwoRowsAreOfOneVerb) {
  std::set<Verb> verbs;
  const auto add = [&](const auto& row) { EXPECT_TRUE(verbs.insert(row.verb).second) << row.name; };
  ForEachVerb<kRoomVerbs>(add);
  ForEachVerb<kSessionVerbs>(add);
}

TEST(VerbTableTest, ARowIsFoundByItsVerb) {
  EXPECT_EQ((RowOf<kRoomVerbs, Verb::kJoin>().name), "Join");
  EXPECT_EQ((RowOf<kRoomVerbs, Verb::kGetStats>().name), "GetStats");
  EXPECT_EQ((RowOf<kSessionVerbs, Verb::kConnect>().name), "Connect");
}

}  // namespace
}  // namespace atrium
