#include "server/http/http_message.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/common/errors.h"
#include "server/wire/message_json.h"
#include "server/wire/rpc_status.h"

namespace atrium {

HttpResponse ErrorResponse(const absl::Status& error) { return ErrorResponse(ToHttpStatus(error.code()), error); }

HttpResponse ErrorResponse(int http_status, const absl::Status& error) {
  return {.status = http_status, .body = MessageToJson(ToRpcStatus(error), JsonZeros::kOmit)};
}

HttpResponse MethodNotAllowed(const std::string& method, const std::vector<std::string>& allowed) {
  const std::string list = absl::StrJoin(allowed, ", ");
  HttpResponse response =
      ErrorResponse(405, MakeError(absl::StatusCode::kUnimplemented, "METHOD_NOT_ALLOWED",
                                   absl::StrCat("method ", method, " is not allowed here; allowed: ", list)));
  response.headers.emplace_back("Allow", list);
  return response;
}

}  // namespace atrium
