// Feeds bytes to the decoder of binary frames: what it takes is the same when it is written and read again.
#include <google/protobuf/stubs/logging.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "server/common/errors.h"
#include "server/wire/client_request.h"
#include "server/wire/message_json.h"

namespace atrium {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

std::string Serialise(const ClientRequest& request) {
  v1::ClientFrame whole = request.frame;
  if (!request.payload.empty()) PutPayload(request.payload, whole);
  return whole.SerializeAsString();
}

void Check(absl::string_view bytes) {
  const ClientRequest request = DecodeProtoFrame(bytes);
  if (!request.status.ok()) {
    Require(request.status.code() == absl::StatusCode::kInvalidArgument);
    Require(!request.status.message().empty());
    Require(ErrorReason(request.status) != "INVALID_FIELD" || !ErrorField(request.status).empty());
    return;
  }
  Require(request.frame.request_case() != v1::ClientFrame::REQUEST_NOT_SET);
  Require(request.id == request.frame.id());
  const ClientRequest again = DecodeProtoFrame(Serialise(request));
  Require(again.status.ok());
  Require(again.id == request.id);
  Require(again.payload.empty() == request.payload.empty());
  // A map of protobuf has no order: each reading may give another.
  Require(again.payload.ToJsonValue() == request.payload.ToJsonValue());
  Require(again.frame.DebugString() == request.frame.DebugString());
  // A payload has one JSON form, which parses to itself.
  const absl::StatusOr<json::value> payload = ParseJson(request.payload.Json());
  Require(payload.ok() && ToJson(*payload) == request.payload.Json());
}

}  // namespace
}  // namespace atrium

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  google::protobuf::SetLogHandler(nullptr);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  atrium::Check(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
