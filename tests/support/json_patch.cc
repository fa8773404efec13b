#include "tests/support/json_patch.h"

#include <google/protobuf/util/json_util.h>

#include <boost/json/parse.hpp>
#include <cstdlib>
#include <string>

#include "absl/strings/str_replace.h"

namespace atrium {
namespace {

namespace json = boost::json;

json::value ValueOf(const v1::PatchOperation& operation) {
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(operation.value(), &text);
  return status.ok() ? json::parse(text) : json::value();
}

bool ApplyToObject(const v1::PatchOperation& operation, const std::string& key, json::object& object) {
  if (operation.op() != "add" && !object.contains(key)) return false;
  if (operation.op() == "remove") {
    object.erase(key);
  } else {
    object[key] = ValueOf(operation);
  }
  return true;
}

bool ApplyToArray(const v1::PatchOperation& operation, const std::string& key, json::array& array) {
  const size_t index = key == "-" ? array.size() : std::strtoul(key.c_str(), nullptr, 10);
  const bool add = operation.op() == "add";
  if (index >= array.size() + (add ? 1 : 0)) return false;
  if (operation.op() == "remove") {
    array.erase(array.begin() + static_cast<std::ptrdiff_t>(index));
  } else if (add) {
    array.insert(array.begin() + static_cast<std::ptrdiff_t>(index), ValueOf(operation));
  } else {
    array[index] = ValueOf(operation);
  }
  return true;
}

bool ApplyOperation(const v1::PatchOperation& operation, json::value& state) {
  if (operation.path().empty()) {
    state = ValueOf(operation);
    return true;
  }
  const size_t slash = operation.path().rfind('/');
  boost::system::error_code error;
  json::value* const parent = state.find_pointer(operation.path().substr(0, slash), error);
  if (parent == nullptr) return false;
  const std::string key = absl::StrReplaceAll(operation.path().substr(slash + 1), {{"~1", "/"}, {"~0", "~"}});
  if (parent->is_array()) return ApplyToArray(operation, key, parent->get_array());
  return parent->is_object() && ApplyToObject(operation, key, parent->get_object());
}

}  // namespace

bool ApplyToCopy(const google::protobuf::RepeatedPtrField<v1::PatchOperation>& operations, json::value& state) {
  for (const v1::PatchOperation& operation : operations) {
    if (!ApplyOperation(operation, state)) return false;
  }
  return true;
}

}  // namespace atrium
