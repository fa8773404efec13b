// The work of comparing two lists, counted.
#include "server/wire/list_diff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <random>
#include <vector>

namespace atrium {
namespace {

using List = std::vector<int>;

constexpr size_t kMost = 1000;

// Applies what it is told to a copy of `before`.
struct Applier {
  void Remove(size_t at, size_t) { list.erase(list.begin() + static_cast<std::ptrdiff_t>(at)), ++operations; }
  void Add(size_t at, size_t a) { list.insert(list.begin() + static_cast<std::ptrdiff_t>(at), after[a]), ++operations; }
  void Change(size_t at, size_t, size_t a) { operations += list[at] == after[a] ? 0 : 1, list[at] = after[a]; }

  List list;
  const List& after;
  size_t operations = 0;
};

// What a comparison comes to: its operations, or none if there would be too many.
std::optional<size_t> Compare(const List& before, const List& after) {
  size_t compared = 0;
  const auto same = [&](size_t b, size_t a) {
    ++compared;
    return before[b] == after[a];
  };
  Applier applier{before, after};
  const bool told = DiffLists(before.size(), after.size(), same, applier, kMost);
  EXPECT_LE(compared, 4 * (before.size() + after.size()) + 4);
  EXPECT_LE(applier.operations, kMost);
  if (!told) {
    EXPECT_EQ(applier.list, before) << "it is told none";
    return std::nullopt;
  }
  EXPECT_EQ(applier.list, after);
  return applier.operations;
}

List Numbers(size_t size, int first = 0) {
  List list(size);
  std::iota(list.begin(), list.end(), first);
  return list;
}

TEST(ListDiffTest, CostsWhatChangedUpToItsBound) {
  const List before = Numbers(100'000);
  EXPECT_EQ(Compare(before, before), 0u);
  for (const size_t count : {size_t{1}, kMost, kMost + 1}) {
    const auto expected = count > kMost ? std::nullopt : std::make_optional(count);
    List after = before;
    for (size_t i = 0; i < count; ++i) after[i * 97] = -1;
    EXPECT_EQ(Compare(before, after), expected);
    after = Numbers(before.size() + count);
    EXPECT_EQ(Compare(before, after), expected);
    EXPECT_EQ(Compare(after, before), expected);
    after = Numbers(before.size(), static_cast<int>(count / 2));
    EXPECT_EQ(Compare(before, after), count > kMost ? std::make_optional(kMost) : std::make_optional(count / 2 * 2));
  }
  EXPECT_EQ(Compare(before, Numbers(before.size(), kMost / 2 + 1)), std::nullopt);
}

TEST(ListDiffTest, ComparesSoManyTimesItsLengthWhateverIsInIt) {
  std::mt19937 random(1);
  for (const size_t size : {100u, 10'000u, 100'000u}) {
    List shuffled = Numbers(size);
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    Compare(Numbers(size), shuffled);
    Compare({}, shuffled);
    Compare(shuffled, {});
    // Every place looks like the begin of the other list, up to its end.
    List zeros(size, 0);
    List last = zeros;
    last.back() = 1;
    List first = zeros;
    first.front() = 1;
    Compare(last, zeros);
    Compare(first, last);
    Compare(last, first);
    List halves(size);
    for (size_t i = 0; i < size; ++i) halves[i] = static_cast<int>(i % 2);
    List odd = halves;
    std::rotate(odd.begin(), odd.begin() + 1, odd.end());
    odd.back() = 7;
    Compare(halves, odd);
  }
}

TEST(ListDiffTest, GivesTheOtherListWhateverItIs) {
  std::mt19937 random(2);
  for (int i = 0; i < 20'000; ++i) {
    List before(random() % 20), after(random() % 20);
    for (int& element : before) element = static_cast<int>(random() % 3);
    for (int& element : after) element = static_cast<int>(random() % 3);
    EXPECT_TRUE(Compare(before, after).has_value());
  }
}

}  // namespace
}  // namespace atrium
