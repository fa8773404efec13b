// Feeds files to the reader of service keys: each is refused with its place, or says of each key who may do what. No
// exception of the YAML parser comes through.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "server/access/service_keys.h"
#include "server/common/errors.h"

namespace atrium {
namespace {

constexpr absl::string_view kMethods[] = {"Call", "Emit", "GetState", "GetStats"};

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckScope(const ServiceScope& scope) {
  Require(!scope.methods.empty());
  Require(!scope.rooms || !scope.rooms->empty());
  bool allows = false;
  for (const absl::string_view method : kMethods) {
    const bool without_room = scope.Allows(method, "", false);
    Require(!(scope.rooms && without_room));
    allows = allows || without_room;
    if (!scope.rooms) continue;
    for (const RoomPattern& room : *scope.rooms) {
      const absl::string_view text = room.text();
      // With a star for a name, this is one that the pattern names.
      allows = allows || scope.Allows(method, text, absl::StrContains(text, ':'));
    }
  }
  Require(allows);
}

void CheckIdentity(const ServiceIdentity& identity) {
  absl::string_view id = identity.subject;
  Require(absl::StartsWith(id, "key:"));
  id.remove_prefix(4);
  Require(!id.empty() && id.size() <= 64);
  Require(!identity.scopes.empty());
  for (const ServiceScope& scope : identity.scopes) CheckScope(scope);
}

void Check(absl::string_view file) {
  const absl::StatusOr<ServiceKeys> keys = ServiceKeys::Parse(file, kMethods);
  if (!keys.ok()) {
    Require(keys.status().code() == absl::StatusCode::kInvalidArgument && !ErrorField(keys.status()).empty());
    return;
  }
  for (const auto& identity : keys->identities()) {
    CheckIdentity(*identity);
    // No text is known whose hash is the one in the file.
    const std::string secret = "atk_" + identity->subject.substr(4) + "_" + std::string(43, 'a');
    const absl::Status error = keys->Find(secret, absl::InfinitePast()).status();
    Require(ErrorReason(error) == "BAD_SIGNATURE");
  }
  Require(ErrorReason(keys->Find(file, absl::InfinitePast()).status()) == "MALFORMED");
}

}  // namespace
}  // namespace atrium

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  atrium::Check({reinterpret_cast<const char*>(data), size});
  return 0;
}
