// Who comes and goes in rooms that grow: at once, folded, and by count only.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

using Crowd = std::vector<std::unique_ptr<TestClient>>;

// `count` clients, half of them of each subprotocol.
Crowd MakeCrowd(const TestServer& server, int count) {
  Crowd crowd;
  for (int i = 0; i < count; ++i) {
    crowd.push_back(std::make_unique<TestClient>(server, i % 2 == 0 ? Door::kProto : Door::kJson));
  }
  return crowd;
}

// All ask before any is answered. Returns the last position.
uint64_t JoinTogether(Crowd& crowd, size_t from, const std::string& room) {
  std::vector<uint32_t> joins;
  for (size_t i = from; i < crowd.size(); ++i) joins.push_back(crowd[i]->Send(JoinFrame(room)));
  uint64_t last = 0;
  for (size_t i = from; i < crowd.size(); ++i) {
    last = std::max(last, crowd[i]->Reply(joins[i - from]).join().position().offset());
  }
  return last;
}

TEST(PresenceTest, IsFoldedAbove32Members) {
  TestServer server;
  TestClient ana(server, Door::kJson);
  ana.Join("geral");
  Crowd crowd = MakeCrowd(server, 39);
  JoinTogether(crowd, 0, "geral");

  std::set<std::string> joined;
  ana.WaitFor(
      [&](const v1::ServerFrame& frame) {
        for (const v1::Member& member : frame.member().joined()) {
          EXPECT_TRUE(joined.insert(member.id()).second) << "told twice";
        }
        return frame.member().count() == 40;
      },
      "the member frame with all 40");
  EXPECT_THAT(joined, SizeIs(39));
  // 31 at once, and the other 8 in one fold, or two if the machine is slow.
  const size_t frames = ana.RoomFrames("geral").size();
  EXPECT_GE(frames, 32u);
  EXPECT_LT(frames, 39u);
}

TEST(PresenceTest, IsACountAbove200Members) {
  TestServer server({"--resume-window=0s"});
  TestClient ana(server, Door::kJson);
  ana.Join("geral");
  Crowd crowd = MakeCrowd(server, 209);
  JoinTogether(crowd, 0, "geral");
  const v1::MemberChange all =
      ana.WaitFor([](const v1::ServerFrame& frame) { return frame.member().count() == 210; }, "a count of 210")
          .member();
  EXPECT_THAT(all.joined(), IsEmpty());

  TestClient late(server, Door::kGrpc);
  const v1::Reply reply = late.Join("geral");
  EXPECT_THAT(reply.join().members(), IsEmpty());
  EXPECT_EQ(reply.join().room().member_count(), 211);

  crowd.resize(150);
  const v1::MemberChange fewer =
      ana.WaitFor([](const v1::ServerFrame& frame) { return frame.member().count() == 152; }, "a count of 152")
          .member();
  EXPECT_EQ(fewer.count(), 152);
  // The roster has all of them, page by page.
  std::set<std::string> members;
  std::string token;
  do {
    const boost::json::value page =
        server.Get(absl::StrCat("/api/rooms/geral/members?pageSize=100&pageToken=", token)).Json();
    for (const auto& member : page.at("members").as_array()) members.insert(TextOf(member.at("id")));
    token = TextOf(page.at("nextPageToken"));
  } while (!token.empty());
  EXPECT_THAT(members, SizeIs(152));
  EXPECT_TRUE(members.contains(ana.id()));
}

}  // namespace
}  // namespace atrium
