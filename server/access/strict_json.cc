#include "server/access/strict_json.h"

#include <boost/json/basic_parser_impl.hpp>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"

namespace atrium {
namespace {

// Stops at a member whose object already has one of that name. Names are compared as they read, without escapes.
class DuplicateFinder {
 public:
  static constexpr size_t max_object_size = json::object::max_size();
  static constexpr size_t max_array_size = json::array::max_size();
  static constexpr size_t max_key_size = json::string::max_size();
  static constexpr size_t max_string_size = json::string::max_size();

  bool found() const { return found_; }
  // Returns the name of the member, once one is found.
  const std::string& name() const { return name_; }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return objects_.emplace_back(), true; }
  bool on_object_end(size_t, json::error_code&) { return objects_.pop_back(), true; }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(size_t, json::error_code&) { return true; }
  bool on_key_part(json::string_view s, size_t, json::error_code&) { return name_.append(s.data(), s.size()), true; }
  bool on_key(json::string_view s, size_t, json::error_code& ec) {
    name_.append(s.data(), s.size());
    if (!objects_.back().insert(name_).second) {
      found_ = true;
      ec = json::error::extra_data;
      return false;
    }
    name_.clear();
    return true;
  }
  bool on_string_part(json::string_view, size_t, json::error_code&) { return true; }
  bool on_string(json::string_view, size_t, json::error_code&) { return true; }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(int64_t, json::string_view, json::error_code&) { return true; }
  bool on_uint64(uint64_t, json::string_view, json::error_code&) { return true; }
  bool on_double(double, json::string_view, json::error_code&) { return true; }
  bool on_bool(bool, json::error_code&) { return true; }
  bool on_null(json::error_code&) { return true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  // One for each object that is open, with the names of its members.
  std::vector<std::set<std::string>> objects_;
  std::string name_;
  bool found_ = false;
};

// A long name may be a secret in the wrong place.
constexpr size_t kMaxShownBytes = 16;

absl::Status JsonError(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_JSON", message);
}

}  // namespace

absl::StatusOr<json::object> ParseStrictObject(absl::string_view text, int max_depth) {
  json::parse_options options;
  options.max_depth = max_depth;
  json::basic_parser<DuplicateFinder> parser(options);
  json::error_code error;
  parser.write_some(false, text.data(), text.size(), error);
  if (parser.handler().found()) {
    return JsonError(
        absl::StrCat("member \"", Excerpt(parser.handler().name(), kMaxShownBytes), "\" stands twice in an object"));
  }
  if (error == json::error::too_deep) return JsonError(absl::StrCat("nests too deep (max ", max_depth, ")"));
  // Whatever else is wrong is found, and told, here.
  ASSIGN_OR_RETURN(json::value value, ParseJson(text, max_depth));
  if (!value.is_object()) return JsonError("must be a JSON object");
  return std::move(value.get_object());
}

}  // namespace atrium
