#include "server/wire/patch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

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
    ASSERT_EQ(static_cast<int64_t>(JsonSize(expected)), static_cast<int64_t>(JsonSize(state)) + change.growth);

    Merge(state.get_object(), merge.get_object());
    ASSERT_EQ(state, expected);
  }
}

}  // namespace
}  // namespace atrium
