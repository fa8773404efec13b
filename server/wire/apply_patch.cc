#include "server/wire/apply_patch.h"

#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/common/status_macros.h"
#include "server/wire/payload.h"

namespace atrium {
namespace {

absl::Status NoSuchPath(const v1::PatchOperation& operation) {
  return absl::InvalidArgumentError(absl::StrCat(operation.op(), " ", operation.path(), ": no such path"));
}

absl::Status ApplyToList(const v1::PatchOperation& operation, absl::string_view key, json::value value,
                         json::array& list) {
  size_t index = 0;
  if (!absl::SimpleAtoi(key, &index)) return NoSuchPath(operation);
  const auto at = [&] { return list.begin() + static_cast<std::ptrdiff_t>(index); };
  if (operation.op() == "add" && index <= list.size()) {
    list.insert(at(), std::move(value));
  } else if (index >= list.size()) {
    return NoSuchPath(operation);
  } else if (operation.op() == "replace") {
    *at() = std::move(value);
  } else if (operation.op() == "remove") {
    list.erase(at());
  } else {
    return NoSuchPath(operation);
  }
  return absl::OkStatus();
}

absl::Status ApplyToObject(const v1::PatchOperation& operation, absl::string_view key, json::value value,
                           json::object& object) {
  const auto entry = object.find(FromView(key));
  if (operation.op() == "add") {
    object.insert_or_assign(FromView(key), std::move(value));
  } else if (entry == object.end()) {
    return NoSuchPath(operation);
  } else if (operation.op() == "replace") {
    entry->value() = std::move(value);
  } else if (operation.op() == "remove") {
    object.erase(entry);
  } else {
    return NoSuchPath(operation);
  }
  return absl::OkStatus();
}

absl::Status Apply(const v1::PatchOperation& operation, json::value& state) {
  json::value value;
  if (operation.has_value()) {
    ASSIGN_OR_RETURN(value, FromProtoValue(operation.value()));
  }
  const absl::string_view path = operation.path();
  if (path.empty() && operation.op() == "replace") {
    state = std::move(value);
    return absl::OkStatus();
  }
  const size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) return NoSuchPath(operation);
  boost::system::error_code error;
  json::value* const parent = state.find_pointer(FromView(path.substr(0, slash)), error);
  const std::string key = absl::StrReplaceAll(path.substr(slash + 1), {{"~1", "/"}, {"~0", "~"}});
  if (parent != nullptr && parent->is_array())
    return ApplyToList(operation, key, std::move(value), parent->get_array());
  if (parent != nullptr && parent->is_object()) {
    return ApplyToObject(operation, key, std::move(value), parent->get_object());
  }
  return NoSuchPath(operation);
}

}  // namespace

absl::Status ApplyPatch(const google::protobuf::RepeatedPtrField<v1::PatchOperation>& operations, json::value& state) {
  for (const v1::PatchOperation& operation : operations) RETURN_IF_ERROR(Apply(operation, state));
  return absl::OkStatus();
}

}  // namespace atrium
