// Lists of rooms while a shard has other work, and while rooms come and go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/support/matchers.h"
#include "tests/support/memory_log.h"
#include "tests/support/scripted_room.h"

namespace atrium::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr size_t kSlice = 128;

// Runs `task` with its number, from 1, in each turn of a shard until it returns false: the other work that the shard
// has, once a turn.
void EachTurn(Shard& shard, std::function<bool(size_t)> task, size_t turn = 1) {
  shard.AtTurnEnd([&shard, task = std::move(task), turn]() mutable {
    shard.Post([&shard, task = std::move(task), turn]() mutable {
      if (task(turn)) EachTurn(shard, std::move(task), turn + 1);
    });
  });
}

// What one call of RoomManager::List came to.
struct Listed {
  bool done = false;
  ListPage<v1::Room> page;

  std::vector<std::string> ids() const {
    std::vector<std::string> ids;
    for (const v1::Room& room : page.elements) ids.push_back(room.id());
    return ids;
  }
};
using ListedPtr = std::shared_ptr<Listed>;

class ListingTest : public ::testing::Test {
 protected:
  static RoomWorld::Settings OneShard() {
    RoomWorld::Settings settings;
    settings.shards = 1;
    return settings;
  }
  static std::string Id(int i) { return absl::StrFormat("room-%05d", i); }

  void Begin(const std::string& room) {
    world_.manager().FindOrCreate(room, {}, [](absl::StatusOr<Room*>) {});
  }
  void Create(int rooms) {
    for (int i = 0; i < rooms; ++i) Begin(Id(i));
    world_.Run();
  }
  ListedPtr BeginList(const std::string& after, size_t count, RoomManager::Wanted wanted = {}) {
    auto listed = std::make_shared<Listed>();
    world_.manager().List(after, count, std::move(wanted), [listed](ListPage<v1::Room> page) {
      EXPECT_FALSE(listed->done);
      *listed = {true, std::move(page)};
    });
    return listed;
  }

  RoomWorld world_{RoomRegistry(), OneShard()};
};

TEST_F(ListingTest, GivesOtherWorkItsTurnBetweenSlices) {
  Create(20 * kSlice);
  size_t looked_at = 0;
  size_t most_in_a_turn = 0;
  const ListedPtr listed = BeginList("", 100, {.matches = [&](const v1::Room&) {
                                       ++looked_at;
                                       return false;
                                     }});
  size_t turns = 0;
  size_t before = 0;
  EachTurn(world_.shards()[0], [&](size_t turn) {
    turns = turn;
    most_in_a_turn = std::max(most_in_a_turn, looked_at - std::exchange(before, looked_at));
    return !listed->done;
  });
  world_.Run();
  EXPECT_THAT(listed->page.elements, IsEmpty());
  EXPECT_FALSE(listed->page.more);
  EXPECT_EQ(looked_at, 20 * kSlice);
  EXPECT_GE(turns, 19u);
  EXPECT_LE(most_in_a_turn, kSlice + 1);
}

TEST_F(ListingTest, ManyListsTogetherDoNoMoreInATurnThanOne) {
  Create(5 * kSlice);
  size_t looked_at = 0;
  std::vector<ListedPtr> all;
  for (int i = 0; i < 10; ++i) {
    all.push_back(BeginList("", 100, {.matches = [&](const v1::Room&) {
                              ++looked_at;
                              return false;
                            }}));
  }
  size_t most_in_a_turn = 0;
  size_t before = 0;
  EachTurn(world_.shards()[0], [&](size_t) {
    most_in_a_turn = std::max(most_in_a_turn, looked_at - std::exchange(before, looked_at));
    return !std::all_of(all.begin(), all.end(), [](const ListedPtr& listed) { return listed->done; });
  });
  world_.Run();
  EXPECT_EQ(looked_at, 10 * 5 * kSlice);
  EXPECT_LE(most_in_a_turn, kSlice + 1);
}

TEST_F(ListingTest, AShortListDoesNotWaitForTheEndOfALongOne) {
  Create(20 * kSlice);
  const ListedPtr long_one = BeginList("", 100, {.matches = [](const v1::Room&) { return false; }});
  const ListedPtr short_one = BeginList(Id(10), 3);
  size_t turns = 0;
  EachTurn(world_.shards()[0], [&](size_t turn) {
    turns = turn;
    return !short_one->done;
  });
  world_.Run();
  EXPECT_LE(turns, 4u);
  EXPECT_THAT(short_one->ids(), ElementsAre(Id(11), Id(12), Id(13)));
  EXPECT_TRUE(short_one->page.more);
  EXPECT_TRUE(long_one->done);
}

// Rooms whose numbers divide by 3 stay; in each turn one of the others comes or goes, before and behind what is listed.
TEST_F(ListingTest, HasEachRoomThatStayedOnceWhateverComesAndGoes) {
  constexpr int kRooms = 2000;
  std::set<std::string> there;
  std::vector<std::string> stay;
  for (int i = 0; i < kRooms; ++i) {
    if (i % 3 == 0) stay.push_back(Id(i));
    if (i % 3 == 1) there.insert(Id(i));
    if (i % 3 < 2) Begin(Id(i));
  }
  world_.Run();
  bool stop = false;
  EachTurn(world_.shards()[0], [&](size_t turn) {
    for (size_t i = 0; i < 20; ++i) {
      const int room = static_cast<int>((turn * 20 + i) * 997 % kRooms);
      if (room % 3 == 0) continue;
      if (there.erase(Id(room)) > 0) {
        world_.manager().Destroy(Id(room), [](const absl::Status&) {});
      } else {
        there.insert(Id(room));
        Begin(Id(room));
      }
    }
    return !stop;
  });
  std::vector<std::string> ids;
  const std::function<void(std::string)> list_page = [&](std::string after) {
    world_.manager().List(std::move(after), 300, {}, [&](const ListPage<v1::Room>& page) {
      for (const v1::Room& room : page.elements) ids.push_back(room.id());
      stop = !page.more;
      if (page.more) list_page(ids.back());
    });
  };
  list_page("");
  world_.Run();
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
  EXPECT_TRUE(std::includes(ids.begin(), ids.end(), stay.begin(), stay.end()));
}

TEST_F(ListingTest, APageEndsBeforeItIsTooLarge) {
  constexpr int kRooms = 150;
  Create(kRooms);
  json::array numbers(1000, 1);
  for (int i = 0; i < kRooms; ++i) {
    world_.With(Id(i), [&](Room* room) { room->Update({.metadata = json::object{{"numbers", numbers}}}); });
  }
  std::vector<std::string> ids;
  std::vector<std::string> all;
  for (int i = 0; i < kRooms; ++i) all.push_back(Id(i));
  for (bool more = true; more;) {
    const ListedPtr listed = BeginList(ids.empty() ? "" : ids.back(), 1000);
    world_.Run();
    more = listed->page.more;
    size_t bytes = 0;
    for (const v1::Room& room : listed->page.elements) bytes += room.ByteSizeLong();
    EXPECT_LE(bytes, size_t{1} << 20);
    EXPECT_TRUE(!more || bytes > (size_t{1} << 20) - (64 << 10));
    for (const std::string& id : listed->ids()) ids.push_back(id);
  }
  EXPECT_THAT(ids, ElementsAreArray(all));
  // Those who want no metadata get all.
  const ListedPtr bare = BeginList("", 1000, {.metadata = false});
  world_.Run();
  EXPECT_THAT(bare->page.elements, SizeIs(kRooms));
}

TEST_F(ListingTest, ListsSessionsInSlicesToo) {
  constexpr size_t kSessions = 4 * kSlice;
  std::vector<std::string> all;
  for (size_t i = 0; i < kSessions; ++i) all.push_back(world_.Connect("client").id());
  std::sort(all.begin(), all.end());
  std::vector<std::string> ids;
  const auto keep = [&](const std::vector<v1::Session>& sessions) {
    for (const v1::Session& session : sessions) ids.push_back(session.id());
  };
  world_.hub(0).List("", PageOf(1000), keep);
  size_t turns = 0;
  EachTurn(world_.shards()[0], [&](size_t turn) {
    turns = turn;
    return ids.empty();
  });
  world_.Run();
  EXPECT_GE(turns, 4u);
  EXPECT_THAT(ids, ElementsAreArray(all));
  // One more than the page takes tells that there are more.
  ids.clear();
  world_.hub(0).List(all[9], ListBudget(1000, 1000), keep);
  world_.Run();
  EXPECT_LT(ids.size(), 30u);
  ASSERT_GT(ids.size(), 2u);
  EXPECT_EQ(ids,
            std::vector<std::string>(all.begin() + 10, all.begin() + 10 + static_cast<std::ptrdiff_t>(ids.size())));
}

TEST(ListBudgetTest, TakesTheFirstWhateverItsSize) {
  ListBudget budget(3, 10);
  EXPECT_TRUE(budget.Take(11));
  EXPECT_TRUE(budget.Take(0));
  EXPECT_FALSE(budget.Take(1));
  ListBudget few(2, 10);
  EXPECT_TRUE(few.Take(1));
  EXPECT_TRUE(few.Take(1));
  EXPECT_FALSE(few.Take(1));
}

class DurableListingTest : public ::testing::Test {
 protected:
  DurableListingTest() {
    script_.options.durable = true;
    script_.options.empty_ttl = absl::Minutes(1);
    log_.auto_complete = true;
    world_ = std::make_unique<ScriptedWorld>(script_, Storing(log_));
  }
  std::vector<std::string> Ids(std::function<void()> meanwhile = nullptr) {
    Listed listed;
    world_->manager().List("", 1000, {}, [&](ListPage<v1::Room> page) { listed = {true, std::move(page)}; });
    while (!listed.done) {
      if (meanwhile) meanwhile();
      world_->Run();
      log_.CompleteAll();
    }
    return listed.ids();
  }

  MemoryLog log_;
  Script script_;
  std::unique_ptr<ScriptedWorld> world_;
};

TEST_F(DurableListingTest, HasThoseInMemoryAndThoseAsleepInOneOrder) {
  for (const char* room : {"scripted:d", "scripted:b"}) ASSERT_THAT(world_->Call(room, "change"), IsOk());
  world_->Advance(absl::Minutes(2));
  for (const char* room : {"scripted:c", "scripted:a", "b", "z"}) {
    ASSERT_THAT(world_->Connect("alice").Join(room), IsOk());
  }
  ASSERT_EQ(world_->manager().room_count(), 6);
  EXPECT_THAT(Ids(), ElementsAre("b", "scripted:a", "scripted:b", "scripted:c", "scripted:d", "z"));
}

TEST_F(DurableListingTest, HasARoomThatIsBeingPutAsideOrLoaded) {
  ASSERT_THAT(world_->Call("scripted:a", "change"), IsOk());
  log_.auto_complete = false;
  world_->Advance(absl::Minutes(2));
  ASSERT_EQ(world_->manager().room_count(), 1);
  EXPECT_THAT(Ids(), ElementsAre("scripted:a")) << "its snapshot is on its way";
  log_.CompleteAll();
  world_->Run();
  bool found = false;
  world_->manager().Find("scripted:a", [&](absl::StatusOr<Room*> room) { found = room.ok() && *room != nullptr; });
  world_->Run();
  EXPECT_FALSE(found);
  EXPECT_THAT(Ids(), ElementsAre("scripted:a")) << "it is being loaded";
  log_.CompleteAll();
  world_->Run();
  EXPECT_TRUE(found);
  EXPECT_THAT(Ids(), ElementsAre("scripted:a"));
}

TEST(AskedListingTest, HasARoomThatIsAskedWhetherItStays) {
  Script script;
  script.plans["destroy"].steps = {Do::kWait};
  script.plans["destroy"].verdict = absl::UnavailableError("it stays");
  ScriptedWorld world(script, {});
  ASSERT_THAT(world.Call("scripted:a", "change"), IsOk());
  world.Advance(absl::Minutes(1));
  ASSERT_THAT(script.log, ::testing::Contains("destroy"));
  size_t rooms = 0;
  const auto count = [&](const ListPage<v1::Room>& page) { rooms = page.elements.size(); };
  world.manager().List("", 10, {}, count);
  world.Run();
  EXPECT_EQ(rooms, 1u);
  world.BeginDestroy("scripted:a");
  script.gates["destroy"].Open();
  world.Run();
  world.manager().List("", 10, {}, count);
  world.Run();
  EXPECT_EQ(rooms, 0u);
}

}  // namespace
}  // namespace atrium::testing
