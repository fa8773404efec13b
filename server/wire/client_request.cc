#include "server/wire/client_request.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <array>
#include <boost/json/monotonic_resource.hpp>
#include <limits>
#include <optional>
#include <utility>

#include "absl/container/fixed_array.h"
#include "server/common/errors.h"
#include "server/common/utf8.h"
#include "server/wire/json_scan.h"
#include "server/wire/message_json.h"
#include "server/wire/parse_message.h"
#include "server/wire/plain_json.h"

namespace atrium {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const MessageShape& FrameShape() {
  static const MessageShape& shape = MessageShape::Of(*v1::ClientFrame::descriptor());
  return shape;
}

// ---- Frames as most clients write them. If a function returns false, that means only that the frame is to be read the
// other way, where errors are found, and that what was read is thrown away.

// How deep a payload may nest here.
constexpr int kPlainDepth = 8;

bool ReadPlainField(PlainJson& json, const MessageShape& shape, const MessageShape::Field& field, Message& message,
                    Payload& payload) {
  if (&field == shape.payload()) {
    const std::optional<absl::string_view> value = json.TakeValue(kPlainDepth);
    if (value) payload = Payload::FromText(std::string(*value));
    return value.has_value();
  }
  const FieldDescriptor& descriptor = *field.descriptor;
  if (descriptor.is_repeated()) return false;
  if (field.oneof != nullptr && shape.reflection().HasOneof(message, field.oneof)) return false;
  if (descriptor.type() == FieldDescriptor::TYPE_STRING) {
    const std::optional<absl::string_view> value = json.TakeString();
    if (value) shape.reflection().SetString(&message, &descriptor, std::string(*value));
    return value.has_value();
  }
  if (descriptor.type() == FieldDescriptor::TYPE_BOOL) {
    const std::optional<bool> value = json.TakeBool();
    if (value) shape.reflection().SetBool(&message, &descriptor, *value);
    return value.has_value();
  }
  return false;
}

bool ReadPlainFields(PlainJson& json, const MessageShape& shape, Message& message, Payload& payload) {
  if (!json.Take('{')) return false;
  if (json.Take('}')) return true;
  absl::FixedArray<bool, 32> seen(shape.fields().size(), false);
  do {
    const std::optional<absl::string_view> key = json.TakeKey();
    const MessageShape::Field* const field = key ? shape.Find(*key) : nullptr;
    if (field == nullptr || std::exchange(seen[field->descriptor->index()], true)) return false;
    if (!ReadPlainField(json, shape, *field, message, payload)) return false;
  } while (json.Take(','));
  return json.Take('}');
}

bool ReadPlainFrame(absl::string_view text, ClientRequest& request) {
  PlainJson json(text);
  if (!IsUtf8(text) || !json.Take('{')) return false;
  const MessageShape& shape = FrameShape();
  bool has_id = false;
  do {
    const std::optional<absl::string_view> key = json.TakeKey();
    if (!key) return false;
    if (*key == "id") {
      const std::optional<uint64_t> id = json.TakeUnsigned();
      if (!id || *id > std::numeric_limits<uint32_t>::max() || std::exchange(has_id, true)) return false;
      request.frame.set_id(static_cast<uint32_t>(*id));
      continue;
    }
    const MessageShape::Field* const field = shape.Find(*key);
    if (field == nullptr || request.frame.request_case() != v1::ClientFrame::REQUEST_NOT_SET) return false;
    Message& message = *shape.reflection().MutableMessage(&request.frame, field->descriptor);
    if (!ReadPlainFields(json, *field->message, message, request.payload)) return false;
  } while (json.Take(','));
  request.id = request.frame.id();
  return json.Take('}') && json.empty() && request.frame.request_case() != v1::ClientFrame::REQUEST_NOT_SET;
}

// ---- Any frame

// Reads the request of a frame, by its name.
absl::Status ReadRequest(const json::value& value, const MessageShape& shape, absl::string_view name,
                         ClientRequest& request) {
  const MessageShape::Field* const field = shape.Find(name);
  if (field == nullptr) return InvalidField(name, "unknown request");
  const std::string& json_name = field->descriptor->json_name();
  if (request.frame.request_case() != v1::ClientFrame::REQUEST_NOT_SET) {
    return InvalidField(json_name, "a frame holds one request");
  }
  if (!value.is_object()) return InvalidField(json_name, "must be an object");
  Message& message = *shape.reflection().MutableMessage(&request.frame, field->descriptor);
  return PrefixField(json_name, MessageFromJson(value, *field->message, message, &request.payload));
}

// Returns the id of a text that may be no JSON at all, or 0 if none can be read.
uint32_t FindId(absl::string_view text) {
  const std::optional<absl::string_view> written = FindJsonMember(text, "id");
  if (!written) return 0;
  const absl::StatusOr<json::value> id = ParseJson(*written);
  v1::ClientFrame frame;
  if (!id.ok() || !FieldFromJson(*id, *FrameShape().Find("id")->descriptor, frame).ok()) return 0;
  return frame.id();
}

ClientRequest ReadAnyFrame(absl::string_view text) {
  ClientRequest request;
  // Nothing of the value outlives this function.
  std::array<unsigned char, 4096> buffer;
  json::monotonic_resource storage(buffer.data(), buffer.size());
  const absl::StatusOr<json::value> parsed = ParseJson(text, kMaxDocumentDepth, &storage);
  if (!parsed.ok()) {
    request.id = FindId(text);
    request.status = parsed.status();
    return request;
  }
  const json::object* object = parsed->if_object();
  if (object == nullptr) {
    request.status = InvalidField("frame", "must be a JSON object");
    return request;
  }
  const MessageShape& shape = FrameShape();
  if (const json::value* id = object->if_contains("id")) {
    request.status = FieldFromJson(*id, *shape.Find("id")->descriptor, request.frame);
    if (!request.status.ok()) return request;
    request.id = request.frame.id();
  }
  for (const auto& [key, value] : *object) {
    if (key == "id") continue;
    request.status = ReadRequest(value, shape, ToView(key), request);
    if (!request.status.ok()) return request;
  }
  if (request.frame.request_case() == v1::ClientFrame::REQUEST_NOT_SET) {
    request.status = NoRequest();
  }
  return request;
}

}  // namespace

absl::Status NoRequest() { return InvalidField("frame", "must hold a request, such as join, leave or emit"); }

uint32_t ReadJsonFrameId(absl::string_view text) {
  // Most programs write the id first.
  PlainJson json(text);
  if (json.Take('{') && json.TakeKey() == absl::string_view("id")) {
    const std::optional<uint64_t> id = json.TakeUnsigned();
    if (id && *id <= std::numeric_limits<uint32_t>::max() && json.Take(',')) return static_cast<uint32_t>(*id);
  }
  return FindId(text);
}

uint32_t ReadProtoFrameId(absl::string_view bytes) {
  using google::protobuf::internal::WireFormatLite;
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size()));
  constexpr uint32_t kIdTag = WireFormatLite::MakeTag(v1::ClientFrame::kIdFieldNumber, WireFormatLite::WIRETYPE_VARINT);
  uint32_t id = 0;
  while (const uint32_t tag = in.ReadTag()) {
    uint64_t number = 0;
    if (tag != kIdTag) {
      if (!WireFormatLite::SkipField(&in, tag)) break;
    } else if (in.ReadVarint64(&number)) {
      id = static_cast<uint32_t>(number);
    } else {
      break;
    }
  }
  return id;
}

ClientRequest DecodeJsonFrame(absl::string_view text) {
  ClientRequest request;
  if (!ReadPlainFrame(text, request)) request = ReadAnyFrame(text);
  return request;
}

ClientRequest DecodeProtoFrame(absl::string_view bytes) {
  v1::ClientFrame frame;
  if (!ParseMessage(bytes, frame)) {
    ClientRequest request;
    request.id = ReadProtoFrameId(bytes);
    request.status =
        MakeError(absl::StatusCode::kInvalidArgument, kNotProtobuf, "not a serialised atrium.v1.ClientFrame");
    return request;
  }
  return DecodeFrame(std::move(frame));
}

ClientRequest DecodeFrame(v1::ClientFrame frame) {
  ClientRequest request;
  request.id = frame.id();
  request.frame = std::move(frame);
  if (request.frame.request_case() == v1::ClientFrame::REQUEST_NOT_SET) {
    request.status = NoRequest();
    return request;
  }
  absl::StatusOr<Payload> payload = TakePayload(request.frame);
  if (payload.ok()) {
    request.payload = *std::move(payload);
  } else {
    const int request_field = request.frame.request_case();
    request.status =
        PrefixField(v1::ClientFrame::descriptor()->FindFieldByNumber(request_field)->json_name(), payload.status());
  }
  return request;
}

}  // namespace atrium
