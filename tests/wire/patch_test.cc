#include "server/wire/patch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace atrium {
namespace {

json::value Json(absl::string_view text) { return ParseJson(text).value(); }

std::string DiffText(absl::string_view before, absl::string_view after) {
  std::string out;
  AppendPatchJson(out, Diff(Json(before), Json(after)));
  return out;
}

std::string MergeText(absl::string_view state, absl::string_view merge) {
  std::string out;
  AppendPatchJson(out, PatchFromMerge(Json(state).get_object(), Json(merge).get_object()).patch);
  return out;
}

// A small value out of few keys and elements, so that two of them have much in common.
json::value RandomValue(std::mt19937& random, int depth) {
  switch (random() % (depth > 0 ? 7 : 5)) {
    case 0: return nullptr;
    case 1: return random() % 2 == 0;
    case 2: return static_cast<int64_t>(random() % 3);
    case 3: return 0.5 * (random() % 3);
    case 4: return json::string(random() % 3, 'x');
    case 5: {
      json::array array;
      for (size_t n = random() % 6; n > 0; --n) array.push_back(RandomValue(random, depth - 1));
      return array;
    }
    default: {
      json::object object;
      for (const char* key : {"a", "b/c", "~d", ""}) {
        if (random() % 2 == 0) object[key] = RandomValue(random, depth - 1);
      }
      return object;
    }
  }
}

TEST(PatchTest, AppendAndDropFrontCostOnlyWhatChanged) {
  EXPECT_EQ(DiffText("[1,2,3]", "[1,2,3,4]"), R"([{"op":"add","path":"/3","value":4}])");
  EXPECT_EQ(DiffText("[1,2,3]", "[2,3]"), R"([{"op":"remove","path":"/0"}])");
  EXPECT_EQ(DiffText("[1,2,3]", "[2,3,4]"), R"([{"op":"remove","path":"/0"},{"op":"add","path":"/2","value":4}])");
}

TEST(PatchTest, NamesTheNestedPlaceThatChanged) {
  EXPECT_EQ(DiffText(R"({"a":{"b/c":[{"x":1}]},"k":1})", R"({"a":{"b/c":[{"x":2}]},"k":1})"),
            R"([{"op":"replace","path":"/a/b~1c/0/x","value":2}])");
  EXPECT_EQ(DiffText(R"({"a":1})", R"({"b":null})"),
            R"([{"op":"remove","path":"/a"},{"op":"add","path":"/b","value":null}])");
  EXPECT_EQ(DiffText("[1]", "[1]"), "[]");
}

TEST(PatchTest, AMergePatchBecomesOperationsOnWhatItChanges) {
  EXPECT_EQ(
      MergeText(R"({"a":1,"b":{"c":2,"d":3},"e":4})", R"({"a":1,"b":{"c":5,"d":null},"e":null,"f":{"g":null,"h":1}})"),
      R"([{"op":"replace","path":"/b/c","value":5},{"op":"remove","path":"/b/d"},)"
      R"({"op":"remove","path":"/e"},{"op":"add","path":"/f","value":{"h":1}}])");
  EXPECT_EQ(MergeText(R"({"a":1})", R"({"b":null,"a":1})"), "[]");
}

TEST(PatchTest, RefusesPathsThatDoNotResolve) {
  using Kind = PatchOp::Kind;
  for (const PatchOp& op : Patch{{Kind::kRemove, "/x", nullptr},
                                 {Kind::kReplace, "/a/7", 1},
                                 {Kind::kAdd, "/a/01", 1},
                                 {Kind::kAdd, "/b/c", 1},
                                 {Kind::kAdd, "a", 1},
                                 {Kind::kRemove, "", nullptr},
                                 {Kind::kReplace, "/a/-", 1}}) {
    json::value state = Json(R"({"a":[1]})");
    EXPECT_FALSE(ApplyPatch({op}, state).ok()) << op.path;
  }
}

TEST(PatchTest, ApplyingADiffGivesTheOtherValue) {
  std::mt19937 random(20260901);
  for (int i = 0; i < 20'000; ++i) {
    const json::value before = RandomValue(random, 3);
    const json::value after = RandomValue(random, 3);
    json::value patched = before;
    ASSERT_TRUE(ApplyPatch(Diff(before, after), patched).ok());
    ASSERT_EQ(ToJson(patched).size(), ToJson(after).size()) << ToJson(before) << " -> " << ToJson(after);
    ASSERT_EQ(patched, after) << ToJson(before) << " -> " << ToJson(after);
  }
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
    json::value state = RandomValue(random, 3);
    const json::value merge = RandomValue(random, 3);
    if (!state.is_object() || !merge.is_object()) continue;
    const MergeResult merged = PatchFromMerge(state.get_object(), merge.get_object());
    const json::value expected = MergePatch(state, merge);
    const auto size_before = static_cast<int64_t>(JsonSize(state));
    ASSERT_TRUE(ApplyPatch(merged.patch, state).ok());
    ASSERT_EQ(state, expected);
    ASSERT_EQ(static_cast<int64_t>(JsonSize(state)), size_before + merged.growth);
  }
}

}  // namespace
}  // namespace atrium
