#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/wire/json.h"
#include "server/wire/message_shape.h"
#include "server/wire/payload.h"

namespace atrium {

// Protobuf messages as canonical proto3 JSON, by reflection over Boost.JSON. Protobuf's own JSON util would do,
// but its errors do not name the field and its rule, and it would make a Value of bytes that are only passed on.

// Returns the payload field of a message type: its only field of type google.protobuf.Value, or null if it has none or
// several.
// Requests and responses travel as a message whose payload field is unset, with a Payload beside it.
const google::protobuf::FieldDescriptor* PayloadField(const google::protobuf::Descriptor& type);

// Reads the JSON object `value` into `message`; names are lowerCamelCase or as in the proto. INVALID_ARGUMENT
// naming the field (as `roomId` or `frames[2].emit`) and its rule if one is unknown, mistyped or out of range, or is a
// google.protobuf.Value, Struct or ListValue that nests deeper than kMaxJsonDepth.
// With `payload`, the message's payload field goes there and stays unset.
absl::Status MessageFromJson(const json::value& value, google::protobuf::Message& message, Payload* payload = nullptr);

// Does the same for a `message` of which the shape is at hand.
absl::Status MessageFromJson(const json::value& value, const MessageShape& shape, google::protobuf::Message& message,
                             Payload* payload);

// Does the same for one field of `message`.
absl::Status FieldFromJson(const json::value& value, const google::protobuf::FieldDescriptor& field,
                           google::protobuf::Message& message, Payload* payload = nullptr);

enum class JsonZeros {
  kOmit,   // fields without presence are left out at their zero value: pushed frames
  kPrint,  // and are printed: responses, typed states
};

// Both write canonical proto3 JSON of `message`. A `payload` that is not empty stands as the payload field of the first
// message, from the outside in, that has one.
void AppendMessageJson(std::string& out, const google::protobuf::Message& message, JsonZeros zeros,
                       const Payload& payload = {});
std::string MessageToJson(const google::protobuf::Message& message, JsonZeros zeros, const Payload& payload = {});

// Returns one value of `field` as it stands in that JSON, with zeros: the element `index`, or all of a singular field.
inline constexpr int kSingularField = -1;
std::string FieldToJson(const google::protobuf::Message& message, const MessageShape::Field& field,
                        int index = kSingularField);

// Returns the entries of the map `field` by their keys as JSON has them, in the order of the keys, because that of a
// map is another one in each process.
std::vector<std::pair<std::string, const google::protobuf::Message*>> MapEntries(
    const google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field);

// Moves the payload field of `message` out. The result is empty if there is none or it is unset. INVALID_ARGUMENT,
// naming the field, if Payload::FromValue refuses it.
absl::StatusOr<Payload> TakePayload(google::protobuf::Message& message);
// Puts it back; `payload` may be empty.
void PutPayload(const Payload& payload, google::protobuf::Message& message);

}  // namespace atrium
