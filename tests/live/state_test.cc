// The state of a room as its members see it: folded patches, events with state, binary events, conditions and limits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/live/live_room.h"
#include "tests/live/room_harness.h"
#include "tests/support/json_patch.h"
#include "tests/support/random_state.h"

namespace atrium {
namespace {

using ::testing::ElementsAre;
using testing::FakeSession;
using ::testing::IsEmpty;
using testing::Item;
using testing::RichState;
using testing::RoomHarness;

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
  EXPECT_TRUE(registry.Add<FieldRoom>().ok());
  return registry;
}

absl::Status Call(RoomHarness& harness, absl::string_view method, const std::string& args) {
  return harness.Call("field:a", std::string(method), *ParseJson(args)).status();
}

TEST(StateTest, FoldsTheChangesOfAnIntervalIntoOnePatch) {
  RoomHarness harness(Registry());
  FakeSession& ann = harness.Session("ann");
  const absl::StatusOr<Admission> admission = harness.Join("field:a", ann);
  json::value copy = admission->state.ToJsonValue();
  for (int i = 1; i <= 5; ++i) {
    EXPECT_TRUE(Call(harness, "move", "{\"name\":\"p\",\"number\":" + std::to_string(i) + "}").ok());
  }
  EXPECT_THAT(ann.frames, IsEmpty());
  // Who reads or joins meanwhile sees what the members have.
  EXPECT_EQ(harness.State("field:a"), admission->state.Json());
  harness.shards().Advance(absl::Milliseconds(50));
  ASSERT_EQ(ann.frames.size(), 1u);
  EXPECT_EQ(ann.frames[0].patch().operations_size(), 1);
  EXPECT_TRUE(ApplyPatch(ann.frames[0].patch().operations(), copy));
  EXPECT_EQ(copy, *ParseJson(harness.State("field:a")));
  EXPECT_EQ(copy.at("byName").at("p").at("number"), 5);

  ann.frames.clear();
  harness.shards().Advance(absl::Seconds(1));
  EXPECT_THAT(ann.frames, IsEmpty());
}

TEST(StateTest, ARecordedEventSendsWhatIsFoldedBeforeItself) {
  RoomHarness harness(Registry());
  FakeSession& ann = harness.Session("ann");
  ASSERT_TRUE(harness.Join("field:a", ann).ok());
  Call(harness, "move", R"({"name":"p"})").IgnoreError();
  harness.Emit("field:a", "from-a-service");
  EXPECT_THAT(ann.Take(), ElementsAre("patch@2", "from-a-service@3"));
  Call(harness, "shout", R"({"name":"hey"})").IgnoreError();
  ASSERT_EQ(ann.frames.size(), 3u);
  EXPECT_EQ(ann.frames[2].event().binary(), std::string("\0\xff", 2));
  EXPECT_THAT(ann.Take(), ElementsAre("patch@4", "shout@5", "bytes@6"));
  Call(harness, "shout", R"({"name":"volatile"})").IgnoreError();
  EXPECT_THAT(ann.Take(), ElementsAre("shout@0", "bytes@0"));
  harness.shards().Advance(absl::Milliseconds(50));
  EXPECT_THAT(ann.Take(), ElementsAre("patch@7"));
}

TEST(StateTest, AStepThatWouldPassTheLimitChangesNothing) {
  RoomHarness harness(Registry(), {.max_state_bytes = 2000});
  FakeSession& ann = harness.Session("ann");
  ASSERT_TRUE(harness.Join("field:a", ann).ok());
  const std::string before = harness.State("field:a");
  const absl::Status refused = Call(harness, "move", "{\"name\":\"" + std::string(2000, 'x') + "\"}");
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.message(), "Room state exceeds maximum size limit");
  EXPECT_EQ(Call(harness, "nest", R"({"number":40})").message(), "Room state exceeds maximum nesting depth");
  harness.shards().Advance(absl::Milliseconds(50));
  EXPECT_EQ(harness.State("field:a"), before);
  EXPECT_THAT(ann.frames, IsEmpty());
  EXPECT_TRUE(Call(harness, "nest", R"({"number":10})").ok());
}

TEST(StateTest, AConditionalWriteIsRefusedWhenThePatchesHaveGoneOn) {
  RoomHarness harness;
  FakeSession& ann = harness.Session("ann");
  ASSERT_TRUE(harness.Join("plain", ann).ok());
  const auto set = [&](const char* merge, uint64_t expected) {
    absl::Status status;
    harness.With("plain", [&](Room* room) { status = room->SetState(ParseJson(merge)->get_object(), expected); });
    return status;
  };
  EXPECT_TRUE(set(R"({"a":1})", 1).ok());
  EXPECT_EQ(set(R"({"a":2})", 1).code(), absl::StatusCode::kAborted);
  // Events do not stand in its way.
  harness.Emit("plain", "hello");
  EXPECT_TRUE(set(R"({"a":3})", 2).ok());
  EXPECT_EQ(harness.State("plain"), R"({"a":3})");
  EXPECT_THAT(ann.Take(), ElementsAre("patch@2", "hello@3", "patch@4"));
}

TEST(StateTest, ATypeSaysHowManyMembersAreListed) {
  RoomHarness harness(Registry());
  FakeSession& ann = harness.Session("ann");
  EXPECT_EQ(harness.Join("field:a", ann)->response.members_size(), 1);
  EXPECT_EQ(harness.Join("field:a", harness.Session("bob"))->response.members_size(), 2);
  EXPECT_EQ(harness.Join("field:a", harness.Session("cem"))->response.members_size(), 0);
  ASSERT_EQ(ann.frames.size(), 2u);
  EXPECT_EQ(ann.frames[1].member().joined_size(), 0);
  EXPECT_EQ(ann.frames[1].member().count(), 3);
}

}  // namespace
}  // namespace atrium
