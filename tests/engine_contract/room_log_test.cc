// The contract of RoomLog, for each implementation.
#include "server/engine/room_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/engine_contract/log_client.h"
#include "tests/support/matchers.h"
#include "tests/support/memory_log.h"

namespace atrium::testing {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A log, and where it keeps things.
struct Subject {
  std::unique_ptr<TempDirectory> directory;
  std::unique_ptr<RoomLog> log;
};

struct Kind {
  std::string name;
  Subject (*make)();
};

Subject MakeEmbedded() {
  Subject subject;
  subject.directory = std::make_unique<TempDirectory>();
  auto log = OpenLog(subject.directory->path());
  EXPECT_THAT(log, IsOk());
  if (log.ok()) subject.log = *std::move(log);
  return subject;
}

Subject MakeMemory() {
  auto log = std::make_unique<MemoryLog>();
  log->auto_complete = true;
  return {nullptr, std::move(log)};
}

class RoomLogTest : public ::testing::TestWithParam<Kind> {
 protected:
  Subject subject_ = GetParam().make();
  RoomLog& log_ = *subject_.log;
  LogClient client_{log_};
};

INSTANTIATE_TEST_SUITE_P(All, RoomLogTest,
                         ::testing::Values(Kind{"Embedded", MakeEmbedded}, Kind{"Memory", MakeMemory}),
                         [](const auto& info) { return info.param.name; });

// Opens the room and appends "1" to `last`.
void Fill(LogClient& client, const std::string& room_id, int last) {
  ASSERT_THAT(client.Open(room_id), IsOk());
  for (int i = 1; i <= last; ++i) ASSERT_THAT(client.Append(room_id, i, absl::StrCat(i)), IsOk());
}

TEST_P(RoomLogTest, ARoomThatWasNeverWrittenIsEmpty) {
  const auto room = client_.Open("chat:a");
  ASSERT_THAT(room, IsOk());
  EXPECT_FALSE(room->has_value());
  // Nor does opening it leave anything.
  EXPECT_FALSE(client_.Reopen("chat:a")->has_value());
  EXPECT_THAT(*client_.List("", 10), IsEmpty());
}

TEST_P(RoomLogTest, RecordsAreReadBackInOrder) {
  Fill(client_, "chat:a", 300);
  const auto room = client_.Reopen("chat:a");
  ASSERT_THAT(room, IsOk());
  ASSERT_TRUE(room->has_value());
  EXPECT_EQ((*room)->first_sequence, 1);
  EXPECT_EQ((*room)->last_sequence(), 300);
  ASSERT_EQ((*room)->records.size(), 300);
  for (int i = 1; i <= 300; ++i) EXPECT_EQ((*room)->records[i - 1], absl::StrCat(i));
  EXPECT_EQ((*room)->snapshot, "");
  EXPECT_EQ((*room)->snapshot_sequence, 0);
  EXPECT_THAT(client_.Append("chat:a", 301, "goes on"), IsOk());
}

TEST_P(RoomLogTest, RecordsAreBytesOfAnyKindAndSize) {
  ASSERT_THAT(client_.Open("r"), IsOk());
  const std::string zeros(100'000, '\0'), large(3 << 20, 'x');
  ASSERT_THAT(client_.Append("r", 1, ""), IsOk());
  ASSERT_THAT(client_.Append("r", 2, zeros), IsOk());
  ASSERT_THAT(client_.Append("r", 3, large), IsOk());
  const auto room = client_.Reopen("r");
  ASSERT_THAT(room, IsOk());
  EXPECT_TRUE((*room)->records == std::vector<std::string>({"", zeros, large}));
}

TEST_P(RoomLogTest, RoomsWhoseIdsBeginAlikeAreApart) {
  for (const std::string id : {"a", "a:b", "a.", "a-b", "aa", "A"}) Fill(client_, id, 3);
  ASSERT_THAT(client_.Erase("a"), IsOk());
  for (const std::string id : {"a:b", "a.", "a-b", "aa", "A"}) {
    EXPECT_EQ((*client_.Reopen(id))->records.size(), 3) << id;
  }
  EXPECT_FALSE(client_.Reopen("a")->has_value());
}

TEST_P(RoomLogTest, AnIdThatIsNoneIsRefused) {
  for (const std::string& id : {std::string(), std::string("a/b"), std::string("a\0b", 3), std::string(65, 'a')}) {
    EXPECT_THAT(client_.Open(id), StatusIs(StatusCode::kInvalidArgument, HasSubstr("room_id")));
  }
  EXPECT_THAT(client_.Open(std::string(64, 'a')), IsOk());
}

TEST_P(RoomLogTest, OnlyTheNextRecordIsTaken) {
  Fill(client_, "r", 2);
  EXPECT_THAT(client_.Append("r", 4, "gap"),
              StatusIs(StatusCode::kFailedPrecondition, "Room 'r' goes on with record 3, not 4"));
  // And nothing behind that one, until the room is opened again.
  EXPECT_THAT(client_.Append("r", 3, "3"), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("failed before")));
  EXPECT_THAT(client_.Save("r", 2, "s", 1), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT(client_.Erase("r"), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT((*client_.Reopen("r"))->records, ElementsAre("1", "2"));
  EXPECT_THAT(client_.Append("r", 2, "again"), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT((*client_.Reopen("r"))->records, ElementsAre("1", "2"));
  EXPECT_THAT(client_.Append("r", 3, "3"), IsOk());
  EXPECT_THAT((*client_.Reopen("r"))->records, ElementsAre("1", "2", "3"));
}

TEST_P(RoomLogTest, OnlyOpenRoomsAreWrittenTo) {
  const auto not_open = StatusIs(StatusCode::kFailedPrecondition, "Room 'r' is not open in the log");
  EXPECT_THAT(client_.Append("r", 1, "1"), not_open);
  EXPECT_THAT(client_.Save("r", 0, "s", 1), not_open);
  EXPECT_THAT(client_.Erase("r"), not_open);
  Fill(client_, "r", 1);
  EXPECT_THAT(client_.Open("r"), StatusIs(StatusCode::kFailedPrecondition, "Room 'r' is open in the log"));
  EXPECT_THAT(client_.Append("r", 2, "still open"), IsOk());
  log_.Close("r");
  EXPECT_THAT(client_.Append("r", 3, "3"), not_open);
  log_.Close("r");
  EXPECT_EQ((*client_.Open("r"))->records.size(), 2);
}

TEST_P(RoomLogTest, ClosingAndOpeningSeesAllThatWasAskedForBefore) {
  Fill(client_, "r", 1);
  Answer<absl::StatusOr<MaybeRoom>> reopened;
  std::vector<Answer<absl::Status>> appends;
  for (int i = 2; i <= 100; ++i) appends.push_back(client_.StartAppend("r", i, absl::StrCat(i)));
  log_.Close("r");
  log_.Open("r", reopened.Callback());
  const auto room = reopened.Get();
  ASSERT_THAT(room, IsOk());
  EXPECT_EQ((*room)->records.size(), 100);
  for (const auto& append : appends) EXPECT_THAT(append.Get(), IsOk());
}

TEST_P(RoomLogTest, ClosingARoomThatIsBeingOpenedLetsItBeOpenedAgain) {
  Fill(client_, "r", 1);
  log_.Close("r");
  Answer<absl::StatusOr<MaybeRoom>> first, second;
  log_.Open("r", first.Callback());
  log_.Close("r");
  log_.Open("r", second.Callback());
  EXPECT_THAT(first.Get(), IsOk());
  EXPECT_EQ((*second.Get())->records.size(), 1);
  EXPECT_THAT(client_.Append("r", 2, "2"), IsOk());
}

TEST_P(RoomLogTest, ASnapshotTakesThePlaceOfOldRecords) {
  Fill(client_, "r", 10);
  ASSERT_THAT(client_.Save("r", 8, "state at 8", 6), IsOk());
  auto room = client_.Reopen("r");
  EXPECT_EQ((*room)->snapshot, "state at 8");
  EXPECT_EQ((*room)->snapshot_sequence, 8);
  EXPECT_EQ((*room)->first_sequence, 6);
  EXPECT_THAT((*room)->records, ElementsAre("6", "7", "8", "9", "10"));
  // Another in its place, that leaves no record.
  ASSERT_THAT(client_.Append("r", 11, "11"), IsOk());
  ASSERT_THAT(client_.Save("r", 11, "state at 11", 12), IsOk());
  room = client_.Reopen("r");
  EXPECT_EQ((*room)->snapshot, "state at 11");
  EXPECT_EQ((*room)->first_sequence, 12);
  EXPECT_THAT((*room)->records, IsEmpty());
  EXPECT_THAT(client_.Append("r", 12, "12"), IsOk());
  EXPECT_THAT((*client_.Reopen("r"))->records, ElementsAre("12"));
}

TEST_P(RoomLogTest, ASnapshotThatKeepsMoreThanThereIsDropsNothing) {
  Fill(client_, "r", 5);
  ASSERT_THAT(client_.Save("r", 3, "s", 3), IsOk());
  ASSERT_THAT(client_.Save("r", 5, "t", 0), IsOk());
  const auto room = client_.Reopen("r");
  EXPECT_EQ((*room)->snapshot, "t");
  EXPECT_THAT((*room)->records, ElementsAre("3", "4", "5"));
}

TEST_P(RoomLogTest, ASnapshotMayComeBeforeAnyRecord) {
  ASSERT_THAT(client_.Open("r"), IsOk());
  ASSERT_THAT(client_.Save("r", 0, "initial", 1), IsOk());
  const auto room = client_.Reopen("r");
  ASSERT_TRUE((*room).has_value());
  EXPECT_EQ((*room)->snapshot, "initial");
  EXPECT_EQ((*room)->snapshot_sequence, 0);
  EXPECT_EQ((*room)->last_sequence(), 0);
  EXPECT_THAT(client_.Append("r", 1, "1"), IsOk());
}

TEST_P(RoomLogTest, ASnapshotOfWhatIsNotThereIsRefusedAndHarmless) {
  Fill(client_, "r", 5);
  EXPECT_THAT(client_.Save("r", 6, "s", 1), StatusIs(StatusCode::kInvalidArgument, HasSubstr("sequence")));
  EXPECT_THAT(client_.Save("r", 3, "s", 5), StatusIs(StatusCode::kInvalidArgument, HasSubstr("keep_from")));
  ASSERT_THAT(client_.Save("r", 5, "s", 5), IsOk());
  EXPECT_THAT(client_.Save("r", 3, "s", 1), StatusIs(StatusCode::kInvalidArgument, HasSubstr("oldest record")));
  EXPECT_THAT(client_.Append("r", 6, "6"), IsOk());
  EXPECT_THAT((*client_.Reopen("r"))->records, ElementsAre("5", "6"));
}

TEST_P(RoomLogTest, AnErasedRoomIsOpenAndEmpty) {
  Fill(client_, "r", 5);
  ASSERT_THAT(client_.Save("r", 5, "s", 3, "head"), IsOk());
  ASSERT_THAT(client_.Erase("r"), IsOk());
  EXPECT_THAT(*client_.List("", 10), IsEmpty());
  ASSERT_THAT(client_.Append("r", 1, "anew"), IsOk());
  const auto room = client_.Reopen("r");
  EXPECT_EQ((*room)->snapshot, "");
  EXPECT_EQ((*room)->snapshot_sequence, 0);
  EXPECT_THAT((*room)->records, ElementsAre("anew"));
  ASSERT_THAT(client_.Erase("r"), IsOk());
  EXPECT_FALSE(client_.Reopen("r")->has_value());
}

TEST_P(RoomLogTest, HeadsAreListedInOrderOfIdsPageByPage) {
  for (const std::string id : {"b", "a:1", "a", "c", "a.b"}) {
    ASSERT_THAT(client_.Open(id), IsOk());
    ASSERT_THAT(client_.Append(id, 1, "x", "head of " + id), IsOk());
  }
  // An empty one changes nothing, another takes its place.
  ASSERT_THAT(client_.Append("b", 2, "x"), IsOk());
  ASSERT_THAT(client_.Append("a", 2, "x", "new head of a"), IsOk());
  const auto ids = [](const std::vector<StoredHead>& heads) {
    std::vector<std::string> ids;
    for (const StoredHead& head : heads) ids.push_back(head.room_id);
    return ids;
  };
  EXPECT_THAT(ids(*client_.List("", 100)), ElementsAre("a", "a.b", "a:1", "b", "c"));
  const auto page = client_.List("", 2);
  ASSERT_THAT(ids(*page), ElementsAre("a", "a.b"));
  EXPECT_EQ((*page)[0].head, "new head of a");
  EXPECT_THAT(ids(*client_.List("a.b", 2)), ElementsAre("a:1", "b"));
  EXPECT_THAT(ids(*client_.List("a.c", 2)), ElementsAre("a:1", "b"));
  EXPECT_THAT(*client_.List("c", 2), IsEmpty());
  EXPECT_EQ((*client_.List("a:1", 1))[0].head, "head of b");
}

TEST_P(RoomLogTest, WritesEndInTheOrderInWhichTheyWereAskedFor) {
  for (const std::string id : {"a", "b"}) ASSERT_THAT(client_.Open(id), IsOk());
  std::vector<std::string> ended;
  Answer<absl::Status> barrier;
  const auto note = [&](std::string what) {
    return [&ended, what = std::move(what)](const absl::Status& status) {
      ended.push_back(what + (status.ok() ? "" : " failed"));
    };
  };
  log_.Append({"a", 1, "x", ""}, note("a1"));
  log_.Append({"b", 1, "x", ""}, note("b1"));
  log_.Append({"a", 3, "x", ""}, note("a3"));
  log_.Append({"b", 2, "x", ""}, note("b2"));
  log_.Append({"a", 2, "x", ""}, note("a2"));
  log_.Save({"b", 2, "s", 1, ""}, note("save b"));
  log_.Erase("c", note("erase c"));
  log_.Barrier([&, done = barrier.Callback()] {
    ended.push_back("barrier");
    done(absl::OkStatus());
  });
  EXPECT_THAT(barrier.Get(), IsOk());
  EXPECT_THAT(ended, ElementsAre("a1", "b1", "a3 failed", "b2", "a2 failed", "save b", "erase c failed", "barrier"));
}

TEST_P(RoomLogTest, CallbacksMayAskForMore) {
  ASSERT_THAT(client_.Open("r"), IsOk());
  Answer<absl::StatusOr<MaybeRoom>> last;
  log_.Append({"r", 1, "1", ""}, [&](const absl::Status&) {
    log_.Append({"r", 2, "2", ""}, [&](const absl::Status&) {
      log_.Close("r");
      log_.Open("r", [&, done = last.Callback()](absl::StatusOr<MaybeRoom> room) {
        log_.Append({"r", 3, "3", ""}, [done, room](const absl::Status& status) {
          done(status.ok() ? room : absl::StatusOr<MaybeRoom>(status));
        });
      });
    });
  });
  const auto room = last.Get();
  ASSERT_THAT(room, IsOk());
  EXPECT_THAT((*room)->records, ElementsAre("1", "2"));
}

TEST_P(RoomLogTest, EndsOnlyWhenAllIsDone) {
  ASSERT_THAT(client_.Open("r"), IsOk());
  std::atomic<int> done{0};
  for (int i = 1; i <= 100; ++i) {
    log_.Append({"r", static_cast<uint64_t>(i), "x", ""}, [&](const absl::Status& status) {
      if (status.ok()) ++done;
    });
  }
  log_.Close("r");
  log_.Open("r", [&](absl::StatusOr<MaybeRoom> room) {
    if (room.ok() && (*room)->records.size() == 100) ++done;
    log_.Append({"r", 101, "x", ""}, [&](const absl::Status& status) {
      if (status.ok()) ++done;
    });
  });
  log_.List("", 1, [&](const auto&) { ++done; });
  subject_.log.reset();
  EXPECT_EQ(done, 103);
}

TEST_P(RoomLogTest, StatisticsCountWhatIsStored) {
  Fill(client_, "r", 7);
  ASSERT_THAT(client_.Save("r", 7, "s", 3), IsOk());
  EXPECT_THAT(client_.Append("r", 1, "refused"), StatusIs(StatusCode::kFailedPrecondition));
  const LogStatistics statistics = log_.statistics();
  EXPECT_EQ(statistics.records, 7);
  EXPECT_EQ(statistics.snapshots, 1);
  EXPECT_EQ(statistics.commits, 8);
  EXPECT_EQ(statistics.failures, 0);
}

}  // namespace
}  // namespace atrium::testing
