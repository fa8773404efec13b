#pragma once

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/common/errors.h"

namespace atrium {

// The refusals of components. Their texts are part of the API.

// `name` is that of a class.
inline absl::Status UnknownComponent(absl::string_view name) {
  return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_COMPONENT",
                   absl::StrCat("Component '", Excerpt(name), "' not found"));
}
// `id` is that of a mounted component.
inline absl::Status ComponentNotFound(absl::string_view id) {
  return MakeError(absl::StatusCode::kNotFound, "COMPONENT_NOT_FOUND",
                   absl::StrCat("Component '", Excerpt(id), "' not found"));
}
inline absl::Status TooManyComponents(int limit) {
  return MakeError(absl::StatusCode::kResourceExhausted, "TOO_MANY_COMPONENTS",
                   absl::StrCat("A session may have ", limit, " components"));
}
inline absl::Status ActionNotCallable(absl::string_view action) {
  return MakeError(absl::StatusCode::kPermissionDenied, "ACTION_NOT_CALLABLE",
                   absl::StrCat("Action '", Excerpt(action), "' is not callable"));
}
inline absl::Status ComponentUnmounted() {
  return MakeError(absl::StatusCode::kCancelled, "COMPONENT_UNMOUNTED", "The component was unmounted");
}
inline absl::Status NoDefaultRoom() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "NO_DEFAULT_ROOM", "No default room set");
}

}  // namespace atrium
