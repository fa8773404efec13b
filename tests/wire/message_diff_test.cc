#include "server/wire/message_diff.h"

#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "server/wire/message_json.h"
#include "tests/support/json_patch.h"
#include "tests/support/random_state.h"

namespace atrium {
namespace {

using testing::RichState;

std::string DiffText(const RichState& before, const RichState& after) {
  std::string out;
  AppendPatchJson(out, DiffMessages(before, after).patch);
  return out;
}

TEST(MessageDiffTest, NamesWhatChangedAndNothingElse) {
  RichState before;
  (*before.mutable_by_name())["a/b"].set_number(1);
  before.mutable_item()->set_name("kept");
  RichState after = before;
  after.set_small(3);
  (*after.mutable_by_name())["a/b"].set_number(2);
  after.mutable_item()->add_scores(7);
  EXPECT_EQ(DiffText(before, after),
            R"([{"op":"replace","path":"/small","value":3},{"op":"add","path":"/item/scores/0","value":7},)"
            R"({"op":"replace","path":"/byName/a~1b/number","value":2}])");
  EXPECT_EQ(DiffText(after, after), "[]");
}

TEST(MessageDiffTest, AFieldWithPresenceComesAndGoes) {
  RichState before;
  RichState after;
  after.set_note("");
  EXPECT_EQ(DiffText(before, after), R"([{"op":"add","path":"/note","value":""}])");
  EXPECT_EQ(DiffText(after, before), R"([{"op":"remove","path":"/note"}])");
  before.set_first_choice("x");
  after.mutable_second_choice();
  after.clear_note();
  EXPECT_EQ(DiffText(before, after),
            R"([{"op":"remove","path":"/firstChoice"},)"
            R"({"op":"add","path":"/secondChoice","value":{"name":"","number":0,"scores":[]}}])");
}

TEST(MessageDiffTest, AListThatLosesItsFrontAndGrowsCostsThat) {
  RichState before;
  for (int i = 0; i < 100; ++i) before.add_items()->set_number(i);
  RichState after = before;
  after.mutable_items()->DeleteSubrange(0, 1);
  after.add_items()->set_number(100);
  EXPECT_EQ(DiffText(before, after),
            R"([{"op":"remove","path":"/items/0"},)"
            R"({"op":"add","path":"/items/99","value":{"name":"","number":100,"scores":[]}}])");
}

TEST(MessageDiffTest, ASmallMessageThatChangedInManyPlacesIsReplaced) {
  RichState before;
  (*before.mutable_by_name())["player-7"].set_name("a");
  RichState after = before;
  (*after.mutable_by_name())["player-7"].set_name("b");
  (*after.mutable_by_name())["player-7"].set_number(2);
  EXPECT_EQ(DiffText(before, after),
            R"([{"op":"replace","path":"/byName/player-7","value":{"name":"b","number":2,"scores":[]}}])");
}

TEST(MessageDiffTest, WhereMuchChangesTheWholeIsReplaced) {
  const auto operations = [](const RichState& before, const RichState& after) {
    const StateChange change = DiffMessages(before, after);
    const std::string after_json = MessageToJson(after, JsonZeros::kPrint);
    json::value patched = ParseJson(MessageToJson(before, JsonZeros::kPrint)).value();
    const auto size = static_cast<int64_t>(JsonSize(patched));
    EXPECT_TRUE(ApplyToCopy(ToProto(change.patch), patched));
    EXPECT_EQ(patched, ParseJson(after_json).value());
    EXPECT_EQ(size + change.growth.json, static_cast<int64_t>(after_json.size()));
    return change.patch.size();
  };
  for (const size_t count : {kMaxOperationsWithin, kMaxOperationsWithin + 1}) {
    const size_t expected = count == kMaxOperationsWithin ? count : 1;
    RichState before, after;
    for (size_t i = 0; i < count; ++i) {
      before.mutable_item()->add_scores(1);
      after.mutable_item()->add_scores(2);
    }
    EXPECT_LE(operations(before, after), expected);
    RichState named, renamed;
    for (size_t i = 0; i < count; ++i) {
      (*named.mutable_by_name())[absl::StrCat("n", i)].set_number(1);
      (*renamed.mutable_by_name())[absl::StrCat("n", i)].set_number(2);
    }
    EXPECT_EQ(operations(named, renamed), expected);
    EXPECT_EQ(operations(named, RichState()), expected);
    EXPECT_EQ(operations(RichState(), named), expected);
    RichState listed, changed;
    for (size_t i = 0; i < count; ++i) {
      listed.add_items()->set_number(static_cast<int>(i));
      changed.add_items()->set_number(-1);
    }
    EXPECT_EQ(operations(listed, changed), expected);
    EXPECT_EQ(operations(RichState(), listed), expected);
  }
}

TEST(MessageDiffTest, ApplyingADiffGivesTheOtherState) {
  std::mt19937 random(20260901);
  for (int i = 0; i < 20'000; ++i) {
    const RichState before = testing::RandomState(random);
    RichState after = before;
    if (i % 4 == 0) {
      after = testing::RandomState(random);
    } else {
      testing::ChangeSome(random, after);
    }
    const StateChange change = DiffMessages(before, after);
    const std::string before_json = MessageToJson(before, JsonZeros::kPrint);
    const std::string after_json = MessageToJson(after, JsonZeros::kPrint);
    json::value patched = ParseJson(before_json).value();
    ASSERT_TRUE(ApplyToCopy(ToProto(change.patch), patched)) << before_json << " -> " << after_json;
    ASSERT_EQ(patched, ParseJson(after_json).value()) << before_json << " -> " << after_json;
    ValueSize size = SizeOfJson(before_json);
    size += change.growth;
    ASSERT_EQ(size, SizeOfJson(after_json)) << before_json << " -> " << after_json;
  }
}

}  // namespace
}  // namespace atrium
