#include "server/live/authoring/tracked_state.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/json_patch.h"
#include "tests/support/random_state.h"

namespace atrium {
namespace {

using testing::Item;
using testing::RichState;

std::string Json(const google::protobuf::Message& message) { return MessageToJson(message, JsonZeros::kPrint); }

std::string Text(const StateChange& change) {
  std::string out;
  AppendPatchJson(out, change.patch);
  return out;
}

Item MakeItem(int number) {
  Item item;
  item.set_number(number);
  return item;
}

TEST(TrackedStateTest, AppendKeepsTheLastAndTellsJustThat) {
  TrackedState<RichState> state;
  for (int i = 0; i < 3; ++i) {
    state.Append(&RichState::mutable_items, MakeItem(i), 2);
    state.Take();
    state.Keep();
  }
  EXPECT_EQ(state.value().items_size(), 2);
  EXPECT_EQ(state.value().items(0).number(), 1);
  state.Append(&RichState::mutable_items, MakeItem(3), 2);
  EXPECT_EQ(Text(state.Take()), R"([{"op":"remove","path":"/items/0"},)"
                                R"({"op":"add","path":"/items/1","value":{"name":"","number":3,"scores":[]}}])");
  state.Undo();
  EXPECT_EQ(state.value().items(0).number(), 1);
  EXPECT_EQ(state.value().items(1).number(), 2);
}

TEST(TrackedStateTest, PutTellsWhatChangedOfAnEntry) {
  TrackedState<RichState> state;
  state.Put(&RichState::mutable_by_name, "p", MakeItem(1));
  EXPECT_EQ(Text(state.Take()), R"([{"op":"add","path":"/byName/p","value":{"name":"","number":1,"scores":[]}}])");
  state.Keep();
  state.Put(&RichState::mutable_by_name, "p", MakeItem(2));
  state.Put(&RichState::mutable_counts, "n", int64_t{5});
  state.Erase(&RichState::mutable_by_number, 7);
  EXPECT_EQ(Text(state.Take()),
            R"([{"op":"replace","path":"/byName/p/number","value":2},{"op":"add","path":"/counts/n","value":"5"}])");
  state.Undo();
  EXPECT_EQ(state.value().by_name().at("p").number(), 1);
  EXPECT_TRUE(state.value().counts().empty());
}

// Steps of recorders and mutations in any mixture, some undone, the patches folded or not: whoever applies the patches
// has the state.
TEST(TrackedStateTest, WhoeverAppliesThePatchesHasTheState) {
  std::mt19937 random(4);
  for (int run = 0; run < 2'000; ++run) {
    const bool folding = run % 2 == 0;
    TrackedState<RichState> state;
    state.set_folding(folding);
    json::value copy = ParseJson(Json(state.value())).value();
    ValueSize size = SizeOfJson(Json(state.value()));
    for (int step = 0; step < 8; ++step) {
      const std::string before = Json(state.value());
      for (uint32_t n = random() % 5; n > 0; --n) {
        const std::string key(1, static_cast<char>('a' + random() % 3));
        switch (random() % 5) {
          case 0: state.Append(&RichState::mutable_items, MakeItem(random() % 9), random() % 4); break;
          case 1: state.Put(&RichState::mutable_by_name, key, MakeItem(random() % 3)); break;
          case 2: state.Put(&RichState::mutable_counts, key, static_cast<int64_t>(random() % 3)); break;
          case 3: state.Erase(&RichState::mutable_by_name, key); break;
          default: state.Mutate([&](RichState& rich) { testing::ChangeSome(random, rich); });
        }
      }
      const StateChange change = state.Take();
      if (random() % 3 == 0) {
        state.Undo();
        ASSERT_EQ(ParseJson(Json(state.value())).value(), ParseJson(before).value());
      } else {
        state.Keep();
        size += change.growth;
        ASSERT_EQ(SizeOfJson(Json(state.value())), size);
        ASSERT_TRUE(folding || ApplyToCopy(ToProto(change.patch), copy));
      }
      if (random() % 2 == 0) {
        ASSERT_TRUE(ApplyToCopy(ToProto(state.Flush().patch), copy));
      }
      ASSERT_EQ(copy, ParseJson(Json(state.committed())).value());
    }
  }
}

}  // namespace
}  // namespace atrium
