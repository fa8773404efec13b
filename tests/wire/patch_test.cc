#include "server/wire/patch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "server/wire/merge.h"
#include "tests/support/json_patch.h"
#include "tests/support/random_state.h"

namespace atrium {
namespace {

json::value Json(absl::string_view text) { return ParseJson(text).value(); }

std::string MergeText(absl::string_view state, absl::string_view merge) {
  std::string out;
  AppendPatchJson(out, ChangeFromMerge(Json(state).get_object(), Json(merge).get_object()).patch);
  return out;
}

TEST(PatchTest, AListCostsOnlyWhatChangedInIt) {
  EXPECT_EQ(MergeText(R"({"a":[1,2,3]})", R"({"a":[1,2,3,4]})"), R"([{"op":"add","path":"/a/3","value":4}])");
  EXPECT_EQ(MergeText(R"({"a":[1,2,3]})", R"({"a":[2,3]})"), R"([{"op":"remove","path":"/a/0"}])");
  EXPECT_EQ(MergeText(R"({"a":[1,2,3]})", R"({"a":[2,3,4]})"),
            R"([{"op":"remove","path":"/a/0"},{"op":"add","path":"/a/2","value":4}])");
  EXPECT_EQ(MergeText(R"({"a":[1,{"x":1,"y":1},3]})", R"({"a":[1,{"x":2,"y":1},3]})"),
            R"([{"op":"replace","path":"/a/1/x","value":2}])");
}

TEST(PatchTest, AMergePatchBecomesOperationsOnWhatItChanges) {
  EXPECT_EQ(
      MergeText(R"({"a":1,"b":{"c":2,"d":3},"e":4})", R"({"a":1,"b":{"c":5,"d":null},"e":null,"f":{"g":null,"h":1}})"),
      R"([{"op":"replace","path":"/b/c","value":5},{"op":"remove","path":"/b/d"},)"
      R"({"op":"remove","path":"/e"},{"op":"add","path":"/f","value":{"h":1}}])");
  EXPECT_EQ(MergeText(R"({"a":1})", R"({"b":null,"a":1})"), "[]");
  EXPECT_EQ(MergeText(R"({"a":{"b/c":{"~":1}}})", R"({"a":{"b/c":{"~":2}}})"),
            R"([{"op":"replace","path":"/a/b~1c/~0","value":2}])");
}

// RFC 7396, section 2, word for word.
json::value MergePatch(json::value target, const json::value& patch) {
  if (!patch.is_object()) return patch;
  if (!target.is_object()) target = json::object();
  for (const auto& [key, value] : patch.get_object()) {
    if (value.is_null()) {
      target.get_object().erase(key);
    } else {
      target.get_object()[key] = MergePatch(target.get_object()[key], value);
    }
  }
  return target;
}

TEST(PatchTest, MergesAsTheRfcSaysAndForeseesTheSize) {
  std::mt19937 random(7396);
  for (int i = 0; i < 20'000; ++i) {
    json::value state = testing::RandomJson(random, 3);
    const json::value merge = testing::RandomJson(random, 3);
    if (!state.is_object() || !merge.is_object()) continue;
    const StateChange change = ChangeFromMerge(state.get_object(), merge.get_object());
    const json::value expected = MergePatch(state, merge);

    json::value patched = state;
    ASSERT_TRUE(ApplyToCopy(ToProto(change.patch), patched));
    ASSERT_EQ(patched, expected) << ToJson(state) << " + " << ToJson(merge);
    ValueSize size = SizeOf(state);
    size += change.growth;
    ASSERT_EQ(size, SizeOf(expected)) << ToJson(state) << " + " << ToJson(merge);

    Merge(state.get_object(), merge.get_object());
    ASSERT_EQ(state, expected);
  }
}

// What becomes of `before` by a merge of `after`, and in how many operations.
size_t MergeInto(const json::object& before, const json::object& after) {
  const StateChange change = ChangeFromMerge(before, after);
  EXPECT_FALSE(change.TooLarge());
  json::value patched = before;
  EXPECT_TRUE(ApplyToCopy(ToProto(change.patch), patched));
  EXPECT_EQ(patched, MergePatch(before, after));
  ValueSize size = SizeOf(json::value(before));
  size += change.growth;
  EXPECT_EQ(size, SizeOf(patched));
  return change.patch.size();
}

json::array Shuffled(size_t size, unsigned seed) {
  json::array list;
  for (size_t i = 0; i < size; ++i) list.emplace_back(i);
  std::shuffle(list.begin(), list.end(), std::mt19937(seed));
  return list;
}

json::object Keys(size_t count, const json::value& value) {
  json::object object;
  for (size_t i = 0; i < count; ++i) object.emplace(absl::StrCat("k", i), value);
  return object;
}

TEST(PatchTest, WhereMuchChangesTheWholeIsReplaced) {
  EXPECT_EQ(MergeInto({{"a", Shuffled(10'000, 1)}, {"b", 1}}, {{"a", Shuffled(10'000, 2)}}), 1u);
  EXPECT_EQ(MergeInto({{"a", Shuffled(20'000, 1)}}, {{"a", json::array()}}), 1u);
  for (const size_t count : {kMaxOperationsWithin, kMaxOperationsWithin + 1}) {
    const size_t operations = count == kMaxOperationsWithin ? count : 1;
    EXPECT_EQ(MergeInto({{"o", Keys(count, 1)}}, {{"o", Keys(count, 2)}}), operations);
    EXPECT_EQ(MergeInto({{"o", Keys(count, 1)}}, {{"o", Keys(count, nullptr)}}), operations);
    EXPECT_EQ(MergeInto({{"o", Keys(1, 1)}}, {{"o", Keys(count + 1, 1)}}), operations);
    // Within a list objects are not merged but compared.
    EXPECT_EQ(MergeInto({{"l", {Keys(count, 1)}}}, {{"l", {Keys(count, 2)}}}), operations);
    EXPECT_EQ(MergeInto({{"l", {Keys(count, 1)}}}, {{"l", {json::object()}}}), operations);
  }
  // Many that are small enough each.
  EXPECT_EQ(MergeInto({{"l", json::array(20, Keys(100, 1))}}, {{"l", json::array(20, Keys(100, 2))}}), 1u);
  EXPECT_EQ(MergeInto({{"o", Keys(20, Keys(100, 1))}, {"p", 1}}, {{"o", Keys(20, Keys(100, 2))}, {"p", 2}}), 2u);
  // One that is replaced is one change of what it is in.
  EXPECT_EQ(MergeInto({{"o", Keys(20, Keys(1100, 1))}}, {{"o", Keys(20, Keys(1100, 2))}}), 20u);
}

TEST(PatchTest, AChangeIsBounded) {
  const json::object state = Keys(kMaxChangeOperations + 1, 1);
  EXPECT_EQ(MergeInto(state, Keys(kMaxChangeOperations, 2)), kMaxChangeOperations);
  EXPECT_TRUE(ChangeFromMerge(state, Keys(kMaxChangeOperations + 1, 2)).TooLarge());
  EXPECT_TRUE(ChangeFromMerge(state, Keys(kMaxChangeOperations + 1, nullptr)).TooLarge());
  EXPECT_LE(ChangeFromMerge({}, Keys(kMaxChangeOperations * 4, 2)).patch.size(), kMaxChangeOperations + 1);
  // The list itself is a value.
  EXPECT_EQ(MergeInto({}, {{"a", Shuffled(kMaxChangeValues - 1, 1)}}), 1u);
  const json::object too_many = {{"a", Shuffled(kMaxChangeValues, 1)}};
  EXPECT_TRUE(ChangeFromMerge({}, too_many).TooLarge());
  EXPECT_TRUE(ChangeFromMerge({}, too_many).patch.empty()) << "it is not even looked at";
  EXPECT_TRUE(ChangeFromMerge({}, {{"a", {{"b", too_many}}}}).TooLarge());
  EXPECT_EQ(MergeInto({{"a", Shuffled(500'000, 1)}}, {{"a", nullptr}}), 1u) << "going costs little";
}

// Objects in objects, in each of which too much changes: each would be copied and written with all that it is in.
TEST(PatchTest, WhatIsReplacedWithinWhatIsReplacedIsBoundedToo) {
  json::value state = 1, merge = 2;
  const auto around = [](json::value& inner, const json::object& keys) {
    json::object outer;
    outer.emplace("inner", std::move(inner));
    for (const auto& [key, value] : keys) outer.emplace(key, value);
    inner = std::move(outer);
  };
  for (int depth = 0; depth < 30; ++depth) {
    around(state, Keys(1500, 1));
    around(merge, Keys(1500, 2));
  }
  const StateChange change = ChangeFromMerge({{"o", state}}, {{"o", merge}});
  EXPECT_TRUE(change.TooLarge());
  EXPECT_LE(change.work, kMaxChangeWork + 50'000);
}

// One by one, each key that goes would cost the size of the object: this took minutes.
TEST(PatchTest, ManyKeysGoAtOnceAndTheOthersKeepTheirOrder) {
  constexpr size_t kKeys = 200'000;
  json::object state = Keys(kKeys, 1);
  json::object merge;
  for (size_t i = 0; i < kKeys; i += 2) merge.emplace(absl::StrCat("k", i), nullptr);
  merge.emplace("absent", nullptr);
  merge.emplace("k1", 2);
  Merge(state, merge);
  ASSERT_EQ(state.size(), kKeys / 2);
  size_t next = 1;
  for (const auto& entry : state) {
    ASSERT_EQ(ToView(entry.key()), absl::StrCat("k", next));
    next += 2;
  }
  EXPECT_EQ(state.at("k1"), 2);
}

}  // namespace
}  // namespace atrium
