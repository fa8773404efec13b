#include "tests/support/json_patch.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <cstdlib>
#include <string>

#include "absl/strings/str_replace.h"
#include "tests/support/test_client.h"

namespace atrium {
namespace {

namespace json = boost::json;

void ApplyToObject(const v1::PatchOperation& operation, const std::string& key, json::object& object) {
  EXPECT_TRUE(operation.op() == "add" || object.contains(key)) << operation.ShortDebugString();
  if (operation.op() == "remove") {
    object.erase(key);
  } else {
    object[key] = json::parse(JsonText(operation.value()));
  }
}

void ApplyToArray(const v1::PatchOperation& operation, const std::string& key, json::array& array) {
  const size_t index = key == "-" ? array.size() : std::strtoul(key.c_str(), nullptr, 10);
  const bool add = operation.op() == "add";
  ASSERT_LT(index, array.size() + (add ? 1 : 0)) << operation.ShortDebugString();
  if (operation.op() == "remove") {
    array.erase(array.begin() + static_cast<std::ptrdiff_t>(index));
  } else if (add) {
    array.insert(array.begin() + static_cast<std::ptrdiff_t>(index), json::parse(JsonText(operation.value())));
  } else {
    array[index] = json::parse(JsonText(operation.value()));
  }
}

}  // namespace

void ApplyPatchFrame(const v1::StatePatch& patch, json::value& state) {
  for (const v1::PatchOperation& operation : patch.operations()) {
    if (operation.path().empty()) {
      state = json::parse(JsonText(operation.value()));
      continue;
    }
    const size_t slash = operation.path().rfind('/');
    boost::system::error_code error;
    json::value* const parent = state.find_pointer(operation.path().substr(0, slash), error);
    ASSERT_NE(parent, nullptr) << operation.ShortDebugString();
    const std::string key = absl::StrReplaceAll(operation.path().substr(slash + 1), {{"~1", "/"}, {"~0", "~"}});
    if (parent->is_array()) {
      ApplyToArray(operation, key, parent->get_array());
    } else {
      ASSERT_TRUE(parent->is_object());
      ApplyToObject(operation, key, parent->get_object());
    }
  }
}

}  // namespace atrium
