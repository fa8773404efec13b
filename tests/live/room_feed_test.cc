// Rooms that watch which rooms there are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "rooms/chat.pb.h"
#include "server/live/authoring/live_room.h"
#include "server/live/rooms/room_errors.h"
#include "tests/support/matchers.h"
#include "tests/support/memory_log.h"
#include "tests/support/room_world.h"

namespace atrium::testing {
namespace {

using rooms::AddMessageRequest;
using rooms::ChatMessage;
using rooms::ChatMeta;
using rooms::ChatState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// Writes down what it is told, and how often.
class WatcherRoom final : public LiveRoom<ChatState, ChatMeta> {
 public:
  static constexpr absl::string_view kName = "watcher";
  static inline std::vector<std::string> told;
  static inline int changes = 0;

  static void Describe(RoomType<WatcherRoom>& type) {
    type.options().listed = false;
    type.options().empty_ttl = absl::Hours(1);
  }
  Awaitable<absl::Status> OnCreate() override {
    co_await WatchRooms([this](const RoomListChange& change) {
      ++changes;
      for (const ListedRoom& room : change.listed) told.push_back(absl::StrCat("+", room.id, ToJson(room.metadata)));
      for (const std::string& id : change.gone) told.push_back("-" + id);
      Mutate([](ChatState& state) { state.set_online_count(state.online_count() + 1); });
    });
    co_return absl::OkStatus();
  }
};

// A room that describes itself.
class LabelRoom final : public LiveRoom<ChatState, ChatMeta> {
 public:
  static constexpr absl::string_view kName = "label";
  static void Describe(RoomType<LabelRoom>& type) {
    type.options().empty_ttl = absl::Minutes(5);
    type.options().durable = true;  // where rooms are stored
    type.Method("label", &LabelRoom::Label);
  }
  absl::StatusOr<ChatMessage> Label(const AddMessageRequest& request, const CallContext&) {
    if (request.text() == "none") {
      SetMetadata({{"label", nullptr}});
    } else {
      SetMetadata({{"label", request.text()}});
    }
    if (request.text() == "fail") return absl::FailedPreconditionError("planted");
    return ChatMessage();
  }
};

class RoomFeedTest : public ::testing::Test {
 public:
  static RoomRegistry Registry() {
    RoomRegistry registry;
    EXPECT_TRUE(registry.Add<WatcherRoom>().ok());
    EXPECT_TRUE(registry.Add<LabelRoom>().ok());
    return registry;
  }

 protected:
  RoomFeedTest() {
    WatcherRoom::told.clear();
    WatcherRoom::changes = 0;
  }
  void Create(const std::string& room) { ASSERT_THAT(world_.Connect("in " + room).Join(room), IsOk()); }
  void Watch() { Create("watcher:w"); }
  // What was told since the last call, after a fold.
  std::vector<std::string> Told() {
    world_.Advance(absl::Milliseconds(100));
    return std::exchange(WatcherRoom::told, {});
  }
  absl::Status Label(const std::string& room, const std::string& label) {
    return world_.Call(room, "label", ToJson({{"text", label}}))->status;
  }

  RoomWorld world_{Registry(), {.shards = 3}};
};

TEST_F(RoomFeedTest, AWatcherGetsAllListedTypedRoomsBeforeItIsCreated) {
  Create("label:a");
  Create("label:b");
  Create("untyped");
  ASSERT_THAT(Label("label:b", "beta"), IsOk());
  Watch();
  EXPECT_THAT(std::exchange(WatcherRoom::told, {}), UnorderedElementsAre("+label:a{}", R"(+label:b{"label":"beta"})"));
  EXPECT_EQ(WatcherRoom::changes, 3);  // one for each shard
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(RoomFeedTest, ThenItGetsWhatChangesOnce) {
  Watch();
  Create("label:a");
  EXPECT_THAT(WatcherRoom::told, IsEmpty());
  EXPECT_THAT(Told(), ElementsAre("+label:a{}"));
  ASSERT_THAT(Label("label:a", "one"), IsOk());
  ASSERT_THAT(Label("label:a", "two"), IsOk());
  EXPECT_THAT(Told(), ElementsAre(R"(+label:a{"label":"two"})"));
  world_.With("label:a", [](Room* room) { room->Update({.unlisted = true}); });
  EXPECT_THAT(Told(), ElementsAre("-label:a"));
  world_.With("label:a", [](Room* room) { room->Update({.unlisted = false, .metadata = json::object{{"x", 1}}}); });
  EXPECT_THAT(Told(), ElementsAre(R"(+label:a{"x":1,"label":"two"})"));
  world_.Destroy("label:a");
  EXPECT_THAT(Told(), ElementsAre("-label:a"));
  Create("untyped");
  EXPECT_THAT(Told(), IsEmpty());
}

TEST(StoredRoomFeedTest, IsNotToldOfWhatIsNotOnDisk) {
  WatcherRoom::told.clear();
  MemoryLog log;
  log.auto_complete = true;
  RoomWorld world(RoomFeedTest::Registry(), Storing(log));
  ASSERT_THAT(world.Connect("alice").Join("label:a"), IsOk());
  ASSERT_THAT(world.Connect("bob").Join("watcher:w"), IsOk());
  EXPECT_THAT(std::exchange(WatcherRoom::told, {}), ElementsAre("+label:a{}"));
  log.auto_complete = false;
  const AnswerPtr labelled = world.Call("label:a", "label", R"({"text":"one"})");
  world.Advance(absl::Milliseconds(100));
  EXPECT_THAT(WatcherRoom::told, IsEmpty());
  log.CompleteAll();
  world.Run();
  EXPECT_THAT(labelled, IsOk());
  EXPECT_THAT(WatcherRoom::told, ElementsAre(R"(+label:a{"label":"one"})"));
}

TEST_F(RoomFeedTest, ItIsNotToldOfWhatIsNotListed) {
  Watch();
  Create("label:hidden");
  world_.With("label:hidden", [](Room* room) { room->Update({.unlisted = true}); });
  ASSERT_THAT(Label("label:hidden", "secret"), IsOk());
  EXPECT_THAT(Told(), IsEmpty());
  world_.Destroy("label:hidden");
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(RoomFeedTest, ARoomThatExpiresIsGone) {
  Watch();
  Client& alice = world_.Connect("alice");
  ASSERT_THAT(alice.Join("label:a"), IsOk());
  ASSERT_THAT(alice.Leave("label:a"), IsOk());
  EXPECT_THAT(Told(), ElementsAre("+label:a{}"));
  world_.Advance(absl::Minutes(5));
  EXPECT_THAT(Told(), ElementsAre("-label:a"));
}

TEST_F(RoomFeedTest, ManyChangesAreToldAtOnce) {
  Watch();
  WatcherRoom::changes = 0;
  for (int i = 0; i < 200; ++i) Create(absl::StrCat("label:", i));
  EXPECT_THAT(Told(), SizeIs(200));
  EXPECT_LE(WatcherRoom::changes, 3);
  // Who comes and goes within a fold was never there.
  Create("label:brief");
  world_.Destroy("label:brief");
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(RoomFeedTest, AWatcherIsToldOfManyInSlices) {
  for (int i = 0; i < 900; ++i) Create(absl::StrCat("label:", i));
  Watch();
  EXPECT_GE(WatcherRoom::changes, 6);
  std::vector<std::string> told = Told();
  EXPECT_THAT(told, SizeIs(900));
  std::sort(told.begin(), told.end());
  EXPECT_EQ(std::adjacent_find(told.begin(), told.end()), told.end());
}

// In each turn of the shards rooms come, go and change, while the watcher is told of those that there were.
TEST_F(RoomFeedTest, WhatChangesMeanwhileIsToldOnce) {
  constexpr int kRooms = 900;
  const auto id = [](int i) { return absl::StrCat("label:", i); };
  for (int i = 0; i < kRooms; i += 2) Create(id(i));
  int turn = 0;
  const std::function<void()> change = [&] {
    for (int i = 0; i < 10; ++i) {
      const int room = (turn * 10 + i) * 997 % kRooms;
      world_.manager().Destroy(id(room), [](const absl::Status&) {});
      world_.manager().FindOrCreate(id((room + 1) % kRooms), {}, [](absl::StatusOr<Room*> found) {
        ASSERT_TRUE(found.ok());
        (*found)->Update({.metadata = json::object{{"changed", true}}});
      });
    }
    Shard& shard = world_.shards()[0];
    if (++turn < 20) shard.AtTurnEnd([&] { shard.Post([&] { change(); }); });
  };
  world_.shards()[0].Post([&] { change(); });
  Watch();
  std::map<std::string, std::string> known;
  for (const std::string& word : Told()) {
    const std::string room = word.substr(1, word.find('{') - 1);
    if (word[0] == '-') {
      EXPECT_EQ(known.erase(room), 1u) << word;
    } else {
      const std::string metadata = word.substr(word.find('{'));
      EXPECT_NE(std::exchange(known[room], metadata), metadata) << word;
    }
  }
  std::map<std::string, std::string> there;
  for (int i = 0; i < kRooms; ++i) {
    const std::string metadata = world_.Metadata(id(i));
    if (metadata != "absent") there[id(i)] = metadata;
  }
  EXPECT_EQ(known, there);
}

TEST_F(RoomFeedTest, ASecondWatcherGetsItsOwnListAndTheFirstNothingTwice) {
  Watch();
  Create("label:a");
  // The fold of label:a is open.
  Create("watcher:second");
  EXPECT_THAT(Told(), ElementsAre("+label:a{}", "+label:a{}"));
  Create("label:b");
  EXPECT_THAT(Told(), ElementsAre("+label:b{}", "+label:b{}"));
}

TEST_F(RoomFeedTest, AWatchEndsWithItsRoom) {
  Watch();
  world_.Destroy("watcher:w");
  world_.Advance(absl::ZeroDuration());
  Create("label:a");
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(RoomFeedTest, MetadataIsStagedWithItsStep) {
  Create("label:a");
  ASSERT_THAT(Label("label:a", "good"), IsOk());
  EXPECT_FALSE(Label("label:a", "fail").ok());
  // Nor does the next step bring it back.
  ASSERT_THAT(world_.Connect("later").Join("label:a"), IsOk());
  EXPECT_EQ(world_.Metadata("label:a"), R"({"label":"good"})");
  EXPECT_EQ(Label("label:a", std::string(5000, 'x')), MetadataTooLarge());
  EXPECT_EQ(world_.Metadata("label:a"), R"({"label":"good"})");
  ASSERT_THAT(Label("label:a", "none"), IsOk());
  EXPECT_EQ(world_.Metadata("label:a"), "{}");
}

TEST_F(RoomFeedTest, ServicesCannotHideWhatTheRoomSays) {
  Create("label:a");
  ASSERT_THAT(Label("label:a", "own"), IsOk());
  world_.With("label:a", [](Room* room) {
    room->Update({.metadata = json::object{{"label", "forged"}, {"topic", "cats"}}});
    EXPECT_THAT(room->Describe().ShortDebugString(), HasSubstr("own"));
  });
  EXPECT_EQ(world_.Metadata("label:a"), R"({"label":"own","topic":"cats"})");
  ASSERT_THAT(Label("label:a", "new"), IsOk());
  EXPECT_EQ(world_.Metadata("label:a"), R"({"label":"new","topic":"cats"})");
}

}  // namespace
}  // namespace atrium::testing
