#include "client-sdk/cli/verify/json_patch.h"

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "client-sdk/cli/json.h"

namespace atrium::verify {
namespace {

namespace json = boost::json;

// Returns an index into `array`, or one past its end if `past_end`; -1 if the text is none.
int64_t IndexOf(const std::string& token, const json::array& array, bool past_end) {
  const auto size = static_cast<int64_t>(array.size());
  if (token == "-") return past_end ? size : -1;
  int64_t index = -1;
  if (!absl::SimpleAtoi(token, &index) || index < 0) return -1;
  return index < size + (past_end ? 1 : 0) ? index : -1;
}

json::value* Child(json::value& parent, const std::string& token) {
  if (json::object* const object = parent.if_object()) return object->if_contains(token);
  json::array* const array = parent.if_array();
  const int64_t index = array == nullptr ? -1 : IndexOf(token, *array, /*past_end=*/false);
  return index < 0 ? nullptr : &(*array)[static_cast<size_t>(index)];
}

bool ApplyToObject(const v1::PatchOperation& operation, const std::string& key, json::object& object) {
  if (operation.op() == "add") {
    object[key] = cli::FromProto(operation.value());
    return true;
  }
  const auto it = object.find(key);
  if (it == object.end()) return false;
  if (operation.op() == "remove") {
    object.erase(it);
  } else {
    it->value() = cli::FromProto(operation.value());
  }
  return true;
}

bool ApplyToArray(const v1::PatchOperation& operation, const std::string& token, json::array& array) {
  const bool add = operation.op() == "add";
  const int64_t index = IndexOf(token, array, add);
  if (index < 0) return false;
  const auto at = array.begin() + index;
  if (add) {
    array.insert(at, cli::FromProto(operation.value()));
  } else if (operation.op() == "remove") {
    array.erase(at);
  } else {
    *at = cli::FromProto(operation.value());
  }
  return true;
}

bool Apply(const v1::PatchOperation& operation, json::value& state) {
  if (operation.op() != "add" && operation.op() != "remove" && operation.op() != "replace") return false;
  if (operation.path().empty()) {
    if (operation.op() == "remove") return false;
    state = cli::FromProto(operation.value());
    return true;
  }
  if (operation.path()[0] != '/') return false;
  std::vector<std::string> tokens = absl::StrSplit(operation.path().substr(1), '/');
  for (std::string& token : tokens) token = absl::StrReplaceAll(token, {{"~1", "/"}, {"~0", "~"}});
  json::value* parent = &state;
  for (size_t i = 0; i + 1 < tokens.size() && parent != nullptr; ++i) parent = Child(*parent, tokens[i]);
  if (parent == nullptr) return false;
  if (parent->is_object()) return ApplyToObject(operation, tokens.back(), parent->get_object());
  return parent->is_array() && ApplyToArray(operation, tokens.back(), parent->get_array());
}

}  // namespace

absl::Status ApplyPatch(const google::protobuf::RepeatedPtrField<v1::PatchOperation>& operations, json::value& state) {
  for (const v1::PatchOperation& operation : operations) {
    if (Apply(operation, state)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("there is nothing to ", operation.op(), " at '", operation.path(), "'"));
  }
  return absl::OkStatus();
}

}  // namespace atrium::verify
