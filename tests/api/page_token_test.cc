#include "server/api/page_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/escaping.h"
#include "server/common/errors.h"

namespace atrium {
namespace {

constexpr PagedList kMembers{PagedList::Kind::kMembers, "geral"};

void ExpectRefused(const PagedList& list, const std::string& token) {
  const absl::StatusOr<std::string> read = ReadPageToken(list, token);
  EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument) << token;
  EXPECT_EQ(ErrorField(read.status()), "pageToken") << token;
}

TEST(PageTokenTest, ComesBackAsItWasGivenOut) {
  for (const std::string id : {"a", "zz", "chat:geral", "24a9feb3a7d597c:18446744073709551615", "\xff\n"}) {
    for (const PagedList& list : {kMembers, PagedList{PagedList::Kind::kRooms, "type = chat"},
                                  PagedList{PagedList::Kind::kRooms}, PagedList{PagedList::Kind::kSessions}}) {
      const absl::StatusOr<std::string> read = ReadPageToken(list, MakePageToken(list, id));
      ASSERT_TRUE(read.ok()) << id << read.status();
      EXPECT_EQ(*read, id);
    }
  }
  EXPECT_EQ(ReadPageToken(kMembers, "").value(), "");
}

TEST(PageTokenTest, IsTheSameOnEachServer) {
  // What one version gave out, the next takes: the CRC-32 of `2 5 gerala`, and the id.
  EXPECT_EQ(MakePageToken(kMembers, "a"), absl::WebSafeBase64Escape("3010a7efa"));
}

TEST(PageTokenTest, IsRefusedIfItWasNotGivenOut) {
  const std::string token = MakePageToken(kMembers, "member-1");
  for (const std::string& bad :
       {std::string("zz"), std::string("YWJj"), std::string("%"), std::string("a"), std::string("member-1"),
        std::string("bWVtYmVyLTE"), std::string("MDAwMDAwMDBtZW1iZXItMQ"), token + "=", token + "A", " " + token,
        token.substr(1), token.substr(0, token.size() - 1), token + token}) {
    ExpectRefused(kMembers, bad);
  }
  // Each of its characters counts.
  for (size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    ExpectRefused(kMembers, changed);
  }
}

TEST(PageTokenTest, IsOfOneListOnly) {
  const std::string token = MakePageToken(kMembers, "a");
  for (const PagedList& other :
       {PagedList{PagedList::Kind::kMembers, "other"}, PagedList{PagedList::Kind::kHistory, "geral"},
        PagedList{PagedList::Kind::kRooms, "geral"}, PagedList{PagedList::Kind::kSessions}}) {
    ExpectRefused(other, token);
  }
  ExpectRefused({PagedList::Kind::kRooms, "ab"}, MakePageToken({PagedList::Kind::kRooms, "a"}, "bc"));
}

TEST(PageTokenTest, IsOfOneBeginningOfAHistory) {
  const auto position = [](const char* epoch, uint64_t offset) {
    v1::Position position;
    position.set_epoch(epoch);
    position.set_offset(offset);
    return position;
  };
  const std::string of = HistoryOf("geral", position("e1", 2));
  const PagedList list{PagedList::Kind::kHistory, of};
  const std::string token = MakePageToken(list, "e1:9");
  EXPECT_EQ(ReadPageToken(list, token).value(), "e1:9");
  for (const std::string& other :
       {HistoryOf("geral", std::nullopt), HistoryOf("geral", position("e1", 3)), HistoryOf("geral", position("e", 2)),
        HistoryOf("geral", v1::Position()), HistoryOf("other", position("e1", 2))}) {
    ExpectRefused({PagedList::Kind::kHistory, other}, token);
  }
  // Tokens of an earlier version, for all that is kept, are still good.
  EXPECT_EQ(HistoryOf("geral", std::nullopt), "geral");
}

}  // namespace
}  // namespace atrium
