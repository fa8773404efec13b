#pragma once

#include <google/protobuf/message.h>
#include <google/protobuf/struct.pb.h>

#include <memory>
#include <string>

#include "absl/base/call_once.h"
#include "absl/status/statusor.h"
#include "server/wire/json.h"

namespace atrium {

// A JSON value on its way through the server, such as event data or a state. It is valid, within the limits of
// ParseJson, immutable, and cheap to copy. It keeps the form it came in; other forms are made on demand and at most
// once, so that bytes that are only passed on are never parsed again. It is thread-safe, and copies share their forms.
class Payload {
 public:
  // Makes no value at all, as opposed to null.
  Payload() = default;

  // `text` is canonical JSON (of AppendJson, or of MessageToJson).
  static Payload FromText(std::string text);
  static Payload FromJson(const json::value& value) { return FromText(ToJson(value)); }
  // Makes one of `value`. INVALID_ARGUMENT if that nests deeper than kMaxJsonDepth, or holds NaN, an infinity or no
  // kind.
  static absl::StatusOr<Payload> FromValue(const google::protobuf::Value& value);

  bool empty() const { return forms_ == nullptr; }

  // Returns canonical JSON; "null" when empty.
  const std::string& Json() const;
  // Returns a serialised google.protobuf.Value, that of null when empty.
  const std::string& ValueBytes() const;

  json::value ToJsonValue() const;
  google::protobuf::Value ToValue() const;

 private:
  struct Forms {
    std::string json;
    absl::once_flag value_made;
    std::string value_bytes;
  };
  explicit Payload(std::shared_ptr<Forms> forms) : forms_(std::move(forms)) {}

  std::shared_ptr<Forms> forms_;
};

// These convert by hand, which is 14 times faster than Protobuf's JSON util.
google::protobuf::Value ToProtoValue(const json::value& value);
absl::StatusOr<json::value> FromProtoValue(const google::protobuf::Value& value);

}  // namespace atrium
