#include "server/wire/frames.h"

#include <google/protobuf/io/coded_stream.h>

#include <array>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/wire/deflate.h"
#include "server/wire/message_json.h"
#include "server/wire/time_json.h"
#include "server/wire/websocket_framing.h"

namespace atrium {
namespace {

// A welcome, or a join's answer in a room of ten, takes less as JSON, its payload aside.
constexpr size_t kUsualJson = 1024;

// Appends field `number`, of a length-delimited type, to a serialised message.
void AppendField(std::string& out, int number, absl::string_view bytes) {
  constexpr int kLengthDelimited = 2;
  uint8_t buffer[10];
  uint8_t* end = google::protobuf::io::CodedOutputStream::WriteVarint32ToArray(number << 3 | kLengthDelimited, buffer);
  end = google::protobuf::io::CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(bytes.size()), end);
  out.append(reinterpret_cast<const char*>(buffer), end - buffer);
  out.append(bytes.data(), bytes.size());
}

void AppendTime(std::string& out, absl::Time time) {
  out += '"';
  AppendTimestamp(out, ToTimestamp(time));
  out += '"';
}

// `begin` goes up to the room's id; then, as far as there is one, its offset.
void BeginRoomFrame(std::string& out, absl::string_view begin, absl::string_view room_id, uint64_t offset) {
  out.append(begin.data(), begin.size());
  AppendJsonString(out, room_id);
  if (offset == 0) return;
  const absl::AlphaNum digits(offset);
  out += R"(,"offset":")";
  out.append(digits.data(), digits.size());
  out += '"';
}

// The room's history keeps the text as it was allocated: no more than it has, unless something is to be escaped.
size_t EventJsonSize(const Event& event) {
  constexpr size_t kNames =
      sizeof(R"({"event":{"roomId":"","event":"","data":,"time":"2026-11-23T02:37:00.123Z"}})") - 1;
  constexpr size_t kOffset = sizeof(R"(,"offset":"")") - 1;
  constexpr size_t kSenderId = sizeof(R"(,"senderId":"")") - 1;
  constexpr size_t kSenderUserId = sizeof(R"(,"senderUserId":"")") - 1;
  size_t size = kNames + event.room_id.size() + event.event.size();
  size += event.binary != nullptr ? event.binary->size() * 4 / 3 + 8 : event.data.Json().size();
  if (event.origin.offset > 0) size += kOffset + absl::AlphaNum(event.origin.offset).size();
  if (!event.sender_id.empty()) size += kSenderId + event.sender_id.size();
  if (!event.sender_user_id.empty()) size += kSenderUserId + event.sender_user_id.size();
  return size;
}

void AppendEventJson(std::string& out, const Event& event) {
  BeginRoomFrame(out, R"({"event":{"roomId":)", event.room_id, event.origin.offset);
  out += ",\"event\":";
  AppendJsonString(out, event.event);
  if (event.binary != nullptr) {
    absl::StrAppend(&out, ",\"binary\":\"", absl::Base64Escape(*event.binary), "\"");
  } else {
    out += R"(,"data":)";
    out += event.data.Json();
  }
  if (!event.sender_id.empty()) {
    out += ",\"senderId\":";
    AppendJsonString(out, event.sender_id);
  }
  if (!event.sender_user_id.empty()) {
    out += ",\"senderUserId\":";
    AppendJsonString(out, event.sender_user_id);
  }
  out += ",\"time\":";
  AppendTime(out, event.time);
  out += "}}";
}

std::string EventProto(const Event& event) {
  v1::RoomEvent message;
  message.set_room_id(std::string(event.room_id));
  message.set_offset(event.origin.offset);
  message.set_event(std::string(event.event));
  message.set_sender_id(std::string(event.sender_id));
  message.set_sender_user_id(std::string(event.sender_user_id));
  *message.mutable_time() = ToTimestamp(event.time);
  if (event.binary != nullptr) message.set_binary(*event.binary);
  std::string bytes = message.SerializeAsString();
  if (event.binary == nullptr) AppendField(bytes, v1::RoomEvent::kDataFieldNumber, event.data.ValueBytes());
  std::string frame;
  AppendField(frame, v1::ServerFrame::kEventFieldNumber, bytes);
  return frame;
}

}  // namespace

// Makes a frame in the encodings asked for, from its JSON and its protobuf form.
class FrameBuilder {
 public:
  explicit FrameBuilder(EncodingSet encodings, FrameOrigin origin = {}) : encodings_(encodings) {
    frame_->origin_ = origin;
  }

  bool wants_json() const { return encodings_.Has(Form::kJson); }
  bool wants_proto() const { return encodings_.Has(Form::kProto); }

  void SetJson(absl::string_view json) { Bytes(Encoding::kWebSocketJson) = MakeWebSocketMessage(kTextMessage, json); }
  // `message` was begun by BeginWebSocketMessage.
  void SetJsonMessage(std::string message) {
    FinishWebSocketMessage(message, kTextMessage);
    Bytes(Encoding::kWebSocketJson) = std::move(message);
  }
  void SetProto(absl::string_view frame) {
    if (encodings_.Has(Encoding::kWebSocketProto)) {
      Bytes(Encoding::kWebSocketProto) = MakeWebSocketMessage(kBinaryMessage, frame);
    }
    if (encodings_.Has(Encoding::kGrpc)) {
      AppendField(Bytes(Encoding::kGrpc), v1::ServerFrames::kFramesFieldNumber, frame);
    }
  }
  void SetGrpcBytes(std::string bytes) { Bytes(Encoding::kGrpc) = std::move(bytes); }
  void SetVolatile(bool is_volatile = true) { frame_->origin_.is_volatile = is_volatile; }
  FramePtr Build() {
    if (encodings_.deflater() != nullptr) Deflate();
    return std::move(frame_);
  }

 private:
  std::string& Bytes(Encoding encoding) { return frame_->bytes_[static_cast<int>(encoding)]; }

  void Deflate() {
    std::shared_ptr<Frame> deflated;
    for (const EncodingTraits& traits : kEncodingTable) {
      if (!traits.deflated || !encodings_.Has(traits.encoding)) continue;
      const absl::string_view payload = encodings_.deflater()->Deflate(frame_->message(traits.encoding));
      if (payload.empty()) continue;
      if (deflated == nullptr) deflated = std::make_shared<Frame>();
      const auto first_byte = static_cast<uint8_t>(frame_->bytes(traits.encoding).front() | kCompressedMessage);
      deflated->bytes_[static_cast<int>(traits.stored_as)] = MakeWebSocketMessage(first_byte, payload);
    }
    if (deflated == nullptr) return;
    deflated->origin_ = frame_->origin_;
    frame_->deflated_ = std::move(deflated);
  }

  const EncodingSet encodings_;
  std::shared_ptr<Frame> frame_ = std::make_shared<Frame>();
};

absl::string_view Frame::message(Encoding encoding) const {
  const absl::string_view stored = bytes(encoding);
  return IsWebSocketMessage(TraitsOf(StoredAs(encoding)).framing) ? PayloadOfWebSocketMessage(stored) : stored;
}

size_t Frame::size() const {
  size_t size = deflated_ == nullptr ? 0 : deflated_->size();
  for (const std::string& bytes : bytes_) size += bytes.size();
  return size;
}

size_t Frame::memory() const {
  // Shared pointers count next to it.
  constexpr size_t kCounts = 16;
  size_t memory = sizeof(Frame) + kCounts + (deflated_ == nullptr ? 0 : deflated_->memory());
  for (const std::string& bytes : bytes_) {
    // Short strings stand in the frame itself.
    if (bytes.capacity() >= sizeof(std::string)) memory += bytes.capacity() + 1;
  }
  return memory;
}

FramePtr EncodeFrame(const v1::ServerFrame& frame, EncodingSet encodings, const Payload& payload, FrameOrigin origin) {
  FrameBuilder builder(encodings, origin);
  if (builder.wants_json()) {
    std::string json;
    json.reserve(kUsualJson + payload.Json().size());
    AppendMessageJson(json, frame, frame.has_reply() ? JsonZeros::kPrint : JsonZeros::kOmit, payload);
    builder.SetJson(json);
  }
  if (builder.wants_proto()) {
    v1::ServerFrame full = frame;
    if (!payload.empty()) PutPayload(payload, full);
    builder.SetProto(full.SerializeAsString());
  }
  return builder.Build();
}

v1::ServerFrame DecodeServerFrame(const Frame& frame) {
  v1::ServerFrame decoded;
  if (frame.has(Encoding::kGrpc)) {
    v1::ServerFrames frames;
    frames.ParseFromString(frame.bytes(Encoding::kGrpc));
    decoded = std::move(*frames.mutable_frames(0));
  } else if (frame.has(Encoding::kWebSocketProto)) {
    const absl::string_view message = frame.message(Encoding::kWebSocketProto);
    decoded.ParseFromArray(message.data(), static_cast<int>(message.size()));
  } else {
    const absl::StatusOr<json::value> value = ParseJson(frame.message(Encoding::kWebSocketJson), kMaxDocumentDepth);
    if (value.ok()) MessageFromJson(*value, decoded).IgnoreError();
  }
  return decoded;
}

FramePtr MakeFrame(std::string grpc_bytes, FrameOrigin origin) {
  FrameBuilder builder(Encoding::kGrpc, origin);
  builder.SetGrpcBytes(std::move(grpc_bytes));
  return builder.Build();
}

FramePtr Reencode(const Frame& frame, EncodingSet encoding) {
  FrameBuilder builder(encoding, frame.origin());
  builder.SetVolatile(frame.is_volatile());
  const v1::ServerFrame decoded = DecodeServerFrame(frame);
  if (builder.wants_json()) {
    builder.SetJson(MessageToJson(decoded, JsonZeros::kOmit));
  } else {
    builder.SetProto(decoded.SerializeAsString());
  }
  return builder.Build();
}

FramePtr EncodeEvent(const Event& event, EncodingSet encodings) {
  FrameBuilder builder(encodings, event.origin);
  if (builder.wants_json()) {
    std::string json = BeginWebSocketMessage(EventJsonSize(event));
    AppendEventJson(json, event);
    builder.SetJsonMessage(std::move(json));
  }
  if (builder.wants_proto()) builder.SetProto(EventProto(event));
  builder.SetVolatile(event.origin.offset == 0);
  return builder.Build();
}

FramePtr EncodePatch(absl::string_view room_id, FrameOrigin origin, const Patch& patch, EncodingSet encodings) {
  FrameBuilder builder(encodings, origin);
  if (builder.wants_json()) {
    std::string json;
    BeginRoomFrame(json, R"({"patch":{"roomId":)", room_id, origin.offset);
    json += ",\"operations\":";
    AppendPatchJson(json, patch);
    json += "}}";
    builder.SetJson(json);
  }
  if (builder.wants_proto()) {
    v1::ServerFrame frame;
    v1::StatePatch& message = *frame.mutable_patch();
    message.set_room_id(std::string(room_id));
    message.set_offset(origin.offset);
    *message.mutable_operations() = ToProto(patch);
    builder.SetProto(frame.SerializeAsString());
  }
  return builder.Build();
}

FramePtr EncodeComponentPatch(const ComponentDelta& delta, EncodingSet encodings) {
  FrameBuilder builder(encodings);
  if (builder.wants_json()) {
    std::string json = "{\"component\":{\"componentId\":";
    AppendJsonString(json, delta.component_id);
    if (delta.version > 0) absl::StrAppend(&json, ",\"version\":\"", delta.version, "\"");
    if (!delta.operations.empty()) {
      json += ",\"operations\":";
      AppendPatchJson(json, delta.operations);
    }
    if (!delta.binary.empty()) absl::StrAppend(&json, ",\"binary\":\"", absl::Base64Escape(delta.binary), "\"");
    json += "}}";
    builder.SetJson(json);
  }
  if (builder.wants_proto()) {
    v1::ServerFrame frame;
    v1::ComponentPatch& message = *frame.mutable_component();
    message.set_component_id(std::string(delta.component_id));
    message.set_version(delta.version);
    *message.mutable_operations() = ToProto(delta.operations);
    message.set_binary(delta.binary);
    builder.SetProto(frame.SerializeAsString());
  }
  builder.SetVolatile(delta.version == 0 && delta.operations.empty());
  return builder.Build();
}

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  const int64_t milliseconds = absl::ToUnixMillis(time);
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(milliseconds / 1000);
  timestamp.set_nanos(static_cast<int32_t>(milliseconds % 1000) * 1000000);
  return timestamp;
}

absl::Time FromTimestamp(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

google::protobuf::Duration ToDuration(absl::Duration duration) {
  google::protobuf::Duration out;
  out.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  out.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return out;
}

}  // namespace atrium
