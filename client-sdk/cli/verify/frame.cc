#include "client-sdk/cli/verify/frame.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "absl/strings/match.h"

namespace atrium::verify {
namespace {

void ForEachMarkerIn(const google::protobuf::Value& value, const std::function<void(const std::string&)>& visit) {
  using google::protobuf::Value;
  switch (value.kind_case()) {
    case Value::kStringValue:
      if (absl::StartsWith(value.string_value(), kMarkerPrefix)) visit(value.string_value());
      break;
    case Value::kListValue:
      for (const Value& element : value.list_value().values()) ForEachMarkerIn(element, visit);
      break;
    case Value::kStructValue:
      for (const auto& [key, element] : value.struct_value().fields()) ForEachMarkerIn(element, visit);
      break;
    default: break;
  }
}

}  // namespace

std::string Bytes(const v1::ServerFrame& frame) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream out(&stream);
    // This writes objects in one order of their keys.
    out.SetSerializationDeterministic(true);
    frame.SerializeToCodedStream(&out);
  }
  return bytes;
}

void ForEachMarker(const v1::ServerFrame& frame, const std::function<void(const std::string&)>& visit) {
  if (frame.has_event() && frame.event().has_data()) ForEachMarkerIn(frame.event().data(), visit);
  for (const v1::PatchOperation& operation : frame.patch().operations()) ForEachMarkerIn(operation.value(), visit);
}

}  // namespace atrium::verify
