// Rooms that watch which rooms there are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "rooms/chat.pb.h"
#include "server/live/live_room.h"
#include "server/live/room_errors.h"
#include "tests/live/room_harness.h"

namespace atrium {
namespace {

using rooms::AddMessageRequest;
using rooms::ChatMessage;
using rooms::ChatMeta;
using rooms::ChatState;
using ::testing::ElementsAre;
using testing::FakeSession;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::RoomHarness;
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
 protected:
  RoomFeedTest() {
    WatcherRoom::told.clear();
    WatcherRoom::changes = 0;
  }
  static RoomRegistry Registry() {
    RoomRegistry registry;
    EXPECT_TRUE(registry.Add<WatcherRoom>().ok());
    EXPECT_TRUE(registry.Add<LabelRoom>().ok());
    return registry;
  }
  void Create(const std::string& room) { ASSERT_TRUE(rooms_.Join(room, rooms_.Session("in " + room)).ok()); }
  void Watch() { Create("watcher:w"); }
  // What was told since the last call, after a fold.
  std::vector<std::string> Told() {
    rooms_.shards().Advance(absl::Milliseconds(100));
    return std::exchange(WatcherRoom::told, {});
  }
  absl::Status Label(const std::string& room, const std::string& label) {
    return rooms_.Call(room, "label", {{"text", label}}).status();
  }
  std::string Metadata(const std::string& room) {
    std::string metadata;
    rooms_.With(room, [&](Room* found) { metadata = ToJson(found->Metadata()); });
    return metadata;
  }

  RoomHarness rooms_{Registry(), {}, 3};
};

TEST_F(RoomFeedTest, AWatcherGetsAllListedTypedRoomsBeforeItIsCreated) {
  Create("label:a");
  Create("label:b");
  Create("untyped");
  ASSERT_TRUE(Label("label:b", "beta").ok());
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
  ASSERT_TRUE(Label("label:a", "one").ok());
  ASSERT_TRUE(Label("label:a", "two").ok());
  EXPECT_THAT(Told(), ElementsAre(R"(+label:a{"label":"two"})"));
  rooms_.With("label:a", [](Room* room) { room->Update({.unlisted = true}); });
  EXPECT_THAT(Told(), ElementsAre("-label:a"));
  rooms_.With("label:a", [](Room* room) { room->Update({.unlisted = false, .metadata = json::object{{"x", 1}}}); });
  EXPECT_THAT(Told(), ElementsAre(R"(+label:a{"x":1,"label":"two"})"));
  rooms_.manager().Destroy("label:a", [](const absl::Status&) {});
  EXPECT_THAT(Told(), ElementsAre("-label:a"));
  Create("untyped");
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(RoomFeedTest, ItIsNotToldOfWhatIsNotListed) {
  Watch();
  Create("label:hidden");
  rooms_.With("label:hidden", [](Room* room) { room->Update({.unlisted = true}); });
  ASSERT_TRUE(Label("label:hidden", "secret").ok());
  EXPECT_THAT(Told(), IsEmpty());
  rooms_.manager().Destroy("label:hidden", [](const absl::Status&) {});
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(RoomFeedTest, ARoomThatExpiresIsGone) {
  Watch();
  FakeSession& alice = rooms_.Session("alice");
  ASSERT_TRUE(rooms_.Join("label:a", alice).ok());
  ASSERT_TRUE(rooms_.Leave("label:a", alice, v1::LEAVE_REASON_LEAVE).ok());
  EXPECT_THAT(Told(), ElementsAre("+label:a{}"));
  rooms_.shards().Advance(absl::Minutes(5));
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
  rooms_.manager().Destroy("label:brief", [](const absl::Status&) {});
  EXPECT_THAT(Told(), IsEmpty());
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
  rooms_.manager().Destroy("watcher:w", [](const absl::Status&) {});
  rooms_.shards().Advance(absl::ZeroDuration());
  Create("label:a");
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(RoomFeedTest, MetadataIsStagedWithItsStep) {
  Create("label:a");
  ASSERT_TRUE(Label("label:a", "good").ok());
  EXPECT_FALSE(Label("label:a", "fail").ok());
  // Nor does the next step bring it back.
  ASSERT_TRUE(rooms_.Join("label:a", rooms_.Session("later")).ok());
  EXPECT_EQ(Metadata("label:a"), R"({"label":"good"})");
  EXPECT_EQ(Label("label:a", std::string(5000, 'x')), MetadataTooLarge());
  EXPECT_EQ(Metadata("label:a"), R"({"label":"good"})");
  ASSERT_TRUE(Label("label:a", "none").ok());
  EXPECT_EQ(Metadata("label:a"), "{}");
}

TEST_F(RoomFeedTest, ServicesCannotHideWhatTheRoomSays) {
  Create("label:a");
  ASSERT_TRUE(Label("label:a", "own").ok());
  rooms_.With("label:a", [](Room* room) {
    room->Update({.metadata = json::object{{"label", "forged"}, {"topic", "cats"}}});
    EXPECT_THAT(room->Describe().ShortDebugString(), HasSubstr("own"));
  });
  EXPECT_EQ(Metadata("label:a"), R"({"label":"own","topic":"cats"})");
  ASSERT_TRUE(Label("label:a", "new").ok());
  EXPECT_EQ(Metadata("label:a"), R"({"label":"new","topic":"cats"})");
}

}  // namespace
}  // namespace atrium
