// The state of a room as its members see it: folded patches, events with state, binary events, conditions and limits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/live/authoring/live_room.h"
#include "server/live/rooms/room_errors.h"
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
    type.Method("move", &FieldRoom::Move)
        .Method("shout", &FieldRoom::Shout)
        .Method("nest", &FieldRoom::Nest)
        .Method("fill", &FieldRoom::Fill)
        .Method("tell", &FieldRoom::Tell);
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
  // Appends so many items.
  absl::StatusOr<Item> Fill(const Item& item, const CallContext&) {
    for (int i = 0; i < item.number(); ++i) Append(&RichState::mutable_items, Item());
    return item;
  }
  // Changes and tells, and returns nothing.
  absl::StatusOr<Item> Tell(const Item& item, const CallContext&) {
    EmitWithState("told", item, [&](RichState& state) { state.set_text("told"); });
    return Item();
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

TEST(StateTest, AStepThatWouldChangeTooMuchChangesNothing) {
  RoomWorld world(Registry());
  Client& ann = world.Connect("ann");
  ASSERT_THAT(ann.Join(kRoom), IsOk());
  ASSERT_THAT(ann.Join("plain"), IsOk());
  ann.Frames();
  const std::string before = world.State(kRoom);
  const absl::Status refused = world.Call(kRoom, "fill", R"({"number":10001})")->status;
  EXPECT_EQ(refused, StateChangeTooLarge("Room"));
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.message(), "Room state may change by at most 10000 operations and 50000 values at once");
  EXPECT_EQ(ann.SetState("plain", ToJson({{"list", json::array(50'000)}}))->status, refused);
  world.Advance(kInterval);
  EXPECT_EQ(world.State(kRoom), before);
  EXPECT_EQ(world.State("plain"), "{}");
  EXPECT_THAT(ann.Events(), IsEmpty());
  // And is as good as ever.
  EXPECT_THAT(world.Call(kRoom, "fill", R"({"number":10000})"), IsOk());
  EXPECT_THAT(ann.SetState("plain", ToJson({{"list", json::array(49'999)}})), IsOk());
}

TEST(StateTest, AFirstStateHasAsManyValuesAsOneChange) {
  RoomWorld world;
  Client& ann = world.Connect("ann");
  const std::string many = ToJson({{"list", json::array(50'000)}});
  EXPECT_EQ(ann.Join("plain", {.initial_state = many})->status, StateChangeTooLarge("Room"));
  EXPECT_EQ(ann.Join("plain", {.initial_state = ToJson({{"a", {{"b", json::array(50'000)}}}})})->status,
            StateChangeTooLarge("Room"));
  world.With("plain", [](Room* room) { EXPECT_EQ(room, nullptr); });
  const std::string most = ToJson({{"list", json::array(49'999)}});
  EXPECT_THAT(ann.Join("plain", {.initial_state = most}), IsOk());
  // What is ignored is not counted.
  EXPECT_THAT(world.Connect("bob").Join("plain", {.initial_state = many}), IsOk());
}

// As JSON it would do; as protobuf no gRPC client could read it.
TEST(StateTest, AStateIsAsLongAsItsProtobufFormMayBe) {
  RoomWorld world;
  ASSERT_THAT(world.Connect("ann").Join("plain"), IsOk());
  // Numbers take 11 bytes each. Seven lists of so many fit.
  const json::array ones(40'000, json::value(1));
  static_assert(7 * 40'000 * 11 + 1000 < kMaxProtoBytes && kMaxProtoBytes < 8 * 40'000 * 11);
  const auto set = [&](const json::object& merge) {
    absl::Status status;
    world.With("plain", [&](Room* room) { status = room->SetState(merge); });
    return status;
  };
  for (int i = 0; i < 7; ++i) ASSERT_THAT(set({{"a", {{absl::StrCat(i), ones}}}}), IsOk());
  const std::string before = world.State("plain");
  EXPECT_EQ(set({{"a", {{"7", ones}}}}), StateTooLargeAsProto());
  EXPECT_EQ(set({{"c", {{"d", ones}}}}), StateTooLargeAsProto());
  EXPECT_EQ(world.State("plain"), before);
  // What goes makes room, within a merge too.
  EXPECT_THAT(set({{"a", {{"6", nullptr}, {"7", ones}}}}), IsOk());
  EXPECT_EQ(set({{"c", ones}}), StateTooLargeAsProto());
}

TEST(StateTest, AStepWhoseEventOrResultIsTooLongChangesNothing) {
  RoomWorld world(Registry(), {.rooms = {.max_state_bytes = 0}});
  Client& ann = world.Connect("ann");
  ASSERT_THAT(ann.Join(kRoom), IsOk());
  ann.Frames();
  const std::string before = world.State(kRoom);
  const std::string large = absl::StrCat(R"({"name":")", std::string(kMaxDataBytes, 'x'), R"("})");
  EXPECT_EQ(world.Call(kRoom, "move", large)->status, ResultTooLarge());
  EXPECT_EQ(world.Call(kRoom, "tell", large)->status, EventTooLarge());
  world.Advance(kInterval);
  EXPECT_EQ(world.State(kRoom), before);
  EXPECT_THAT(ann.Events(), IsEmpty());
}

TEST(StateTest, AnOffsetThatTheRoomHasNotComeToIsNotExpected) {
  RoomWorld world;
  Client& ann = world.Connect("ann");
  ASSERT_THAT(ann.Join("plain"), IsOk());
  world.With("plain", [&](Room* room) {
    const uint64_t offset = room->position().offset();
    EXPECT_EQ(room->SetState({{"a", 1}}, offset + 1),
              OffsetNotReached(offset + 1, absl::StrCat(room->position().epoch(), ":", offset)));
    EXPECT_THAT(room->SetState({{"a", 1}}, offset), IsOk());
  });
}

TEST(StateTest, MembersAreListedAsFarAsTheyFitBesideTheState) {
  RoomWorld world;
  std::string ones = "1";
  while (ones.size() < 1000) ones += ",1";
  const JoinOptions options{.info = absl::StrCat(R"({"a":[)", ones, "]}")};
  std::vector<Client*> clients;
  AnswerPtr last;
  const auto join = [&] {
    clients.push_back(&world.Connect(absl::StrCat("c", clients.size())));
    return world.Join("plain", *clients.back(), options);
  };
  do {
    last = join();
    ASSERT_THAT(last, IsOk());
    ASSERT_LT(clients.size(), 200u);
    EXPECT_LE(last->reply.join().ByteSizeLong(), static_cast<size_t>(kMaxMemberListBytes) + 1000);
  } while (last->reply.join().members_size() > 0);
  EXPECT_GT(clients.size(), 50u);
  world.Advance(absl::Seconds(1));
  EXPECT_EQ(clients.front()->Frames().back().member().count(), static_cast<int>(clients.size()));
  ASSERT_THAT(clients[1]->Leave("plain"), IsOk());
  ASSERT_THAT(clients[2]->Leave("plain"), IsOk());
  last = join();
  EXPECT_EQ(static_cast<size_t>(last->reply.join().members_size()), clients.size() - 2);
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
