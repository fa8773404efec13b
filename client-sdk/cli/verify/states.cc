#include "client-sdk/cli/verify/states.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <functional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client-sdk/cli/verify/json_patch.h"

namespace atrium::verify {
namespace {

// Appends the value with the keys of objects in order.
void AppendSorted(const json::value& value, std::string& out) {
  if (const json::object* const object = value.if_object()) {
    std::vector<const json::key_value_pair*> entries;
    for (const json::key_value_pair& entry : *object) entries.push_back(&entry);
    std::sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) { return a->key() < b->key(); });
    out += '{';
    for (const json::key_value_pair* const entry : entries) {
      absl::StrAppend(&out, json::serialize(entry->key()), ":");
      AppendSorted(entry->value(), out);
      out += ',';
    }
    out += '}';
  } else if (const json::array* const array = value.if_array()) {
    out += '[';
    for (const json::value& element : *array) {
      AppendSorted(element, out);
      out += ',';
    }
    out += ']';
  } else if (value.is_number()) {
    out += json::serialize(json::value(value.to_number<double>()));
  } else {
    out += json::serialize(value);
  }
}

// Returns two hashes with different seasoning, which are long enough that no two states of a run share them by chance.
std::string Digest(const std::string& text) {
  const std::hash<std::string> hash;
  return absl::StrCat(absl::Hex(hash(text)), ".", absl::Hex(hash(absl::StrCat(text.size(), "#", text))));
}

}  // namespace

States::Id States::Add(json::value state) {
  std::string text;
  AppendSorted(state, text);
  const auto [it, is_new] = ids_.emplace(Digest(text), static_cast<Id>(ids_.size()));
  if (is_new || values_.find(it->second) == values_.end()) {
    values_[it->second] = std::move(state);
    recent_.push_back(it->second);
    if (recent_.size() > kKept) {
      values_.erase(recent_.front());
      recent_.pop_front();
    }
  }
  return it->second;
}

absl::StatusOr<States::Id> States::Apply(Id before, const FramePtr& patch) {
  const std::pair<Id, const v1::ServerFrame*> step(before, patch.get());
  if (const auto made = made_.find(step); made != made_.end()) return made->second;
  const auto value = values_.find(before);
  if (value == values_.end()) return absl::NotFoundError("the state is not kept any more");
  json::value state = value->second;
  if (absl::Status status = ApplyPatch(patch->patch().operations(), state); !status.ok()) return status;
  const Id after = Add(std::move(state));
  made_.emplace(step, after);
  return after;
}

std::string States::Text(Id id) const {
  const auto value = values_.find(id);
  return value == values_.end() ? "" : json::serialize(value->second);
}

}  // namespace atrium::verify
