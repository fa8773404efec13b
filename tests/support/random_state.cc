#include "tests/support/random_state.h"

#include <cmath>
#include <limits>
#include <string>

namespace atrium::testing {
namespace {

namespace json = boost::json;

std::string RandomName(const RandomNumbers& random) {
  static constexpr const char* kNames[] = {"", "a", "b/c", "~d", "\"quoted\"\n", "\xc3\xa4", "~1"};
  return kNames[random() % std::size(kNames)];
}

Item RandomItem(const RandomNumbers& random, int depth) {
  Item item;
  item.set_name(RandomName(random));
  item.set_number(static_cast<int32_t>(random() % 3));
  for (uint32_t n = random() % 3; n > 0; --n) item.add_scores(static_cast<int32_t>(random() % 2));
  if (depth > 0 && random() % 3 == 0) *item.mutable_child() = RandomItem(random, depth - 1);
  return item;
}

double RandomReal(const RandomNumbers& random) {
  static constexpr double kReals[] = {0.0,  -0.0,
                                      1.5,  1e300,
                                      -7.0, std::numeric_limits<double>::quiet_NaN(),
                                      1e17, std::numeric_limits<double>::infinity()};
  return kReals[random() % std::size(kReals)];
}

template <typename List, typename Make>
void ChangeList(const RandomNumbers& random, List& list, Make make) {
  if (random() % 2 == 0 && !list.empty()) list.erase(list.begin(), list.begin() + 1 + random() % list.size());
  for (uint32_t n = random() % 3; n > 0; --n) *list.Add() = make();
  if (random() % 3 == 0 && !list.empty()) list[static_cast<int>(random() % list.size())] = make();
  if (random() % 5 == 0 && !list.empty()) list.erase(list.begin() + random() % list.size());
}

template <typename Map, typename Key, typename Make>
void ChangeMap(const RandomNumbers& random, Map& map, const Key& key, Make make) {
  if (random() % 3 == 0) {
    map.erase(key);
  } else {
    map[key] = make();
  }
}

void ChangeSingular(const RandomNumbers& random, RichState& state) {
  switch (random() % 16) {
    case 0: return state.set_flag(random() % 2 == 0);
    case 1: return state.set_small(-static_cast<int32_t>(random() % 2));
    case 2: return state.set_big(random() % 2 == 0 ? std::numeric_limits<uint64_t>::max() : 7);
    case 3: return state.set_real(RandomReal(random));
    case 4: return state.set_short_real(static_cast<float>(RandomReal(random)));
    case 5: return state.set_text(RandomName(random));
    case 6: return state.set_blob(std::string(1, static_cast<char>(random())));
    case 7: return state.set_color(static_cast<Color>(random() % 3));  // 2 has no name.
    case 8: return state.set_note(RandomName(random));
    case 9: return state.clear_note();
    case 10: *state.mutable_item() = RandomItem(random, 2); return;
    case 11: return state.clear_item();
    case 12: return state.set_first_choice(RandomName(random));
    case 13: *state.mutable_second_choice() = RandomItem(random, 1); return;
    case 14: state.mutable_at()->set_seconds(random() % 2); return;
    default: (*state.mutable_free()->mutable_fields())[RandomName(random)].set_number_value(random() % 2); return;
  }
}

}  // namespace

json::value RandomJson(const RandomNumbers& random, int depth) {
  switch (random() % (depth > 0 ? 7 : 5)) {
    case 0: return nullptr;
    case 1: return random() % 2 == 0;
    case 2: return static_cast<int64_t>(random() % 3);
    case 3: return 0.5 + random() % 3;
    case 4: return json::string(random() % 3, 'x');
    case 5: {
      json::array array;
      for (uint32_t n = random() % 6; n > 0; --n) array.push_back(RandomJson(random, depth - 1));
      return array;
    }
    default: {
      json::object object;
      for (const char* key : {"a", "b/c", "~d", ""}) {
        if (random() % 2 == 0) object[key] = RandomJson(random, depth - 1);
      }
      return object;
    }
  }
}

RichState RandomState(const RandomNumbers& random) {
  RichState state;
  for (uint32_t n = random() % 8; n > 0; --n) ChangeSome(random, state);
  return state;
}

void ChangeSome(const RandomNumbers& random, RichState& state) {
  for (uint32_t n = 1 + random() % 4; n > 0; --n) {
    const auto item = [&] { return RandomItem(random, 1); };
    switch (random() % 8) {
      case 0: ChangeList(random, *state.mutable_items(), item); break;
      case 1: ChangeList(random, *state.mutable_tags(), [&] { return RandomName(random); }); break;
      case 2: ChangeList(random, *state.mutable_reals(), [&] { return RandomReal(random); }); break;
      case 3: ChangeMap(random, *state.mutable_by_name(), RandomName(random), item); break;
      case 4: ChangeMap(random, *state.mutable_by_number(), static_cast<int>(random() % 3) - 1, item); break;
      case 5: ChangeMap(random, *state.mutable_counts(), RandomName(random), [&] { return random() % 3; }); break;
      default: ChangeSingular(random, state); break;
    }
  }
}

}  // namespace atrium::testing
