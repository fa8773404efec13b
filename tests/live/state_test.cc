// The state of a room as its members see it: folded patches, events with state, binary events, conditions and limits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/live/live_room.h"
#include "server/live/room_errors.h"
#include "tests/support/json_patch.h"
#include "tests/support/matchers.h"
#include "tests/support/random_state.h"
#include "tests/support/room_world.h"

namespace atrium::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Moves things about, each 50 ms what has changed.
class FieldRoom final : public LiveRoom<RichState, RichState> {
 public:
  static constexpr absl::string_view kName = "field";
  static void Describe(RoomType<FieldRoom>& type) {
    type.options().patch_interval = absl::Milliseconds(50);
    type.options().presence_list_limit = 2;
    type.Method("move", &FieldRoom::Move).Method("shout", &FieldRoom::Shout).Method("nest", &FieldRoom::Nest);
  }

  absl::StatusOr<Item> Move(const Item& item, const CallContext&) {
    Put(&RichState::mutable_by_name, item.name(), item);
    return item;
  }
  // Moves, and tells of it; "volatile" as that.
  absl::StatusOr<Item> Shout(const Item& item, const CallContext&) {
    EmitWithState("shout", item, [&](RichState& state) { state.set_text(item.name()); },
                  {.is_volatile = item.name() == "volatile"});
    EmitBinary("bytes", std::string("\0\xff", 2), {.is_volatile = item.name() == "volatile"});
    return item;
  }
  absl::StatusOr<Item> Nest(const Item& item, const CallContext&) {
    Mutate([&](RichState& state) {
      Item* child = state.mutable_item();
      for (int i = 0; i < item.number(); ++i) child = child->mutable_child();
    });
    return item;
  }
};

RoomRegistry Registry() {
  RoomRegistry registry;
  EXPECT_THAT(registry.Add<FieldRoom>(), IsOk());
  return registry;
}

constexpr char kRoom[] = "field:a";
constexpr absl::Duration kInterval = absl::Milliseconds(50);

TEST(StateTest, FoldsTheChangesOfAnIntervalIntoOnePatch) {
  RoomWorld world(Registry());
  Client& ann = world.Connect("ann");
  json::value copy = ann.Join(kRoom)->State();
  const std::string before = world.State(kRoom);
  ann.Frames();
  for (const char* number : {"1", "2", "3", "4", "5"}) {
    EXPECT_THAT(world.Call(kRoom, "move", absl::StrCat(R"({"name":"p","number":)", number, "}")), IsOk());
  }
  EXPECT_THAT(ann.Events(), IsEmpty());
  // Who reads or joins meanwhile sees what the members have.
  EXPECT_EQ(world.State(kRoom), before);
  world.Advance(kInterval);
  const std::vector<v1::ServerFrame> frames = ann.Frames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].patch().operations_size(), 1);
  EXPECT_TRUE(ApplyToCopy(frames[0].patch().operations(), copy));
  EXPECT_EQ(copy, *ParseJson(world.State(kRoom)));
  EXPECT_EQ(copy.at("byName").at("p").at("number"), 5);

  world.Advance(absl::Seconds(1));
  EXPECT_THAT(ann.Events(), IsEmpty());
}

TEST(StateTest, ARecordedEventSendsWhatIsFoldedBeforeItself) {
  RoomWorld world(Registry());
  Client& ann = world.Connect("ann");
  ASSERT_THAT(ann.Join(kRoom), IsOk());
  world.Call(kRoom, "move", R"({"name":"p"})");
  world.Emit(kRoom, "from-a-service");
  EXPECT_THAT(ann.Events(), ElementsAre("snapshot@1", "patch@2", "from-a-service@3"));
  std::string bytes;
  ann.on_frame = [&](const v1::ServerFrame& frame) { bytes = frame.event().binary(); };
  world.Call(kRoom, "shout", R"({"name":"hey"})");
  EXPECT_EQ(bytes, std::string("\0\xff", 2));
  EXPECT_THAT(ann.Events(), ElementsAre("patch@4", "shout@5", "bytes@6"));
  world.Call(kRoom, "shout", R"({"name":"volatile"})");
  EXPECT_THAT(ann.Events(), ElementsAre("shout@0", "bytes@0"));
  world.Advance(kInterval);
  EXPECT_THAT(ann.Events(), ElementsAre("patch@7"));
}

TEST(StateTest, AStepThatWouldPassTheLimitChangesNothing) {
  RoomWorld world(Registry(), {.rooms = {.max_state_bytes = 2000}});
  Client& ann = world.Connect("ann");
  ASSERT_THAT(ann.Join(kRoom), IsOk());
  ann.Frames();
  const std::string before = world.State(kRoom);
  const std::string large = absl::StrCat(R"({"name":")", std::string(2000, 'x'), R"("})");
  EXPECT_EQ(world.Call(kRoom, "move", large)->status, StateTooLarge());
  EXPECT_EQ(world.Call(kRoom, "nest", R"({"number":40})")->status, StateTooDeep());
  world.Advance(kInterval);
  EXPECT_EQ(world.State(kRoom), before);
  EXPECT_THAT(ann.Events(), IsEmpty());
  EXPECT_THAT(world.Call(kRoom, "nest", R"({"number":10})"), IsOk());
}

TEST(StateTest, AConditionalWriteIsRefusedWhenThePatchesHaveGoneOn) {
  RoomWorld world;
  Client& ann = world.Connect("ann");
  ASSERT_THAT(ann.Join("plain"), IsOk());
  const auto set = [&](const char* merge, uint64_t expected) {
    absl::Status status;
    world.With("plain", [&](Room* room) { status = room->SetState(ParseJson(merge)->get_object(), expected); });
    return status;
  };
  EXPECT_THAT(set(R"({"a":1})", 1), IsOk());
  EXPECT_THAT(set(R"({"a":2})", 1), StatusIs(absl::StatusCode::kAborted));
  // Events do not stand in its way.
  world.Emit("plain", "hello");
  EXPECT_THAT(set(R"({"a":3})", 2), IsOk());
  EXPECT_EQ(world.State("plain"), R"({"a":3})");
  EXPECT_THAT(ann.Events(), ElementsAre("patch@2", "hello@3", "patch@4"));
}

TEST(StateTest, ATypeSaysHowManyMembersAreListed) {
  RoomWorld world(Registry());
  Client& ann = world.Connect("ann");
  EXPECT_EQ(ann.Join(kRoom)->reply.join().members_size(), 1);
  EXPECT_EQ(world.Connect("bob").Join(kRoom)->reply.join().members_size(), 2);
  EXPECT_EQ(world.Connect("cem").Join(kRoom)->reply.join().members_size(), 0);
  const v1::ServerFrame last = ann.Frames().back();
  EXPECT_EQ(last.member().joined_size(), 0);
  EXPECT_EQ(last.member().count(), 3);
}

}  // namespace
}  // namespace atrium::testing
