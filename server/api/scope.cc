#include "server/api/scope.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "server/common/errors.h"

namespace atrium {

absl::Status RequireScope(const Caller& caller, absl::string_view method, absl::string_view room_id, bool typed) {
  const ServiceIdentity* const service = caller.service();
  if (service == nullptr || service->Allows(method, room_id, typed)) return absl::OkStatus();
  const std::string where = room_id.empty() ? "" : absl::StrCat(" in room '", Excerpt(room_id), "'");
  return WithMetadata(MakeError(absl::StatusCode::kPermissionDenied, "SCOPE_MISSING",
                                absl::StrCat("No scope of ", service->subject, " allows ", method, where)),
                      {{"method", std::string(method)}, {"room", std::string(room_id)}, {"key_id", service->subject}});
}

absl::Status ServerCodeOnly() {
  return MakeError(absl::StatusCode::kPermissionDenied, "SERVER_CODE_ONLY", "Only services and components may do that");
}

}  // namespace atrium
