#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "atrium/v1/frames.pb.h"
#include "server/wire/patch.h"
#include "server/wire/payload.h"

namespace atrium {

class Deflater;

// How frames lie on a connection.
enum class Encoding : uint8_t {
  kWebSocketJson,   // a text message, header included
  kWebSocketProto,  // a binary message, header included
  kGrpc,            // a serialised ServerFrames of one frame; several in a row are a valid ServerFrames
  // The first two for clients that take compressed messages too.
  kDeflatedJson,
  kDeflatedProto,
};
inline constexpr int kPlainEncodings = 3;
inline constexpr int kEncodings = 5;

constexpr bool IsDeflated(Encoding encoding) { return encoding >= Encoding::kDeflatedJson; }
constexpr Encoding Plain(Encoding encoding) {
  return IsDeflated(encoding) ? static_cast<Encoding>(static_cast<int>(encoding) - kPlainEncodings) : encoding;
}
constexpr Encoding Deflated(Encoding web_socket) {
  return static_cast<Encoding>(static_cast<int>(web_socket) + kPlainEncodings);
}

// "websocket-json", "websocket-proto" or "grpc".
absl::string_view TransportName(Encoding encoding);

// What a frame is made in. With a deflated encoding goes the plain one, which short frames are sent in.
class EncodingSet {
 public:
  // Deflated encodings need a `deflater`; without one they are as the plain ones.
  explicit EncodingSet(Deflater* deflater = nullptr) : deflater_(deflater) {}
  EncodingSet(Encoding encoding, Deflater* deflater = nullptr)  // NOLINT: one encoding is a set.
      : deflater_(deflater) {
    Add(encoding);
  }
  void Add(Encoding encoding) { bits_ |= 1u << static_cast<int>(encoding) | 1u << static_cast<int>(Plain(encoding)); }
  bool empty() const { return bits_ == 0; }
  bool Has(Encoding encoding) const { return (bits_ >> static_cast<int>(encoding)) & 1u; }
  // Null if nothing is to be deflated.
  Deflater* deflater() const { return bits_ >> kPlainEncodings != 0 ? deflater_ : nullptr; }

 private:
  uint8_t bits_ = 0;
  Deflater* deflater_;
};

// What a frame has to do with a room: what becomes of it when its client is too slow, or gone for a while.
struct FrameOrigin {
  enum class Kind : uint8_t {
    kHistory,
    kSnapshot,
    kJoined,  // a join's reply
    kLeft,
    kWelcome,  // of no room
  };
  // Names the room in this process; 0: of none.
  uint64_t room = 0;
  // In the room's history; 0: it is not recorded. Of a snapshot and a join's reply, the position of the state.
  uint64_t offset = 0;
  Kind kind = Kind::kHistory;
  // It may be dropped on its way to a slow client.
  bool is_volatile = false;

  // A later snapshot of the room can stand for it.
  bool replaceable() const { return room != 0 && (kind == Kind::kHistory || kind == Kind::kSnapshot); }
};

// A frame to clients, encoded once for all that get it. Immutable, shared between threads.
class Frame {
 public:
  // The encoding must be one of those that the frame was made for. A deflated one stands for its plain one here: every
  // connection takes that.
  const std::string& bytes(Encoding encoding) const { return bytes_[static_cast<int>(Plain(encoding))]; }
  bool has(Encoding encoding) const { return !bytes(encoding).empty(); }
  // The same without the WebSocket header.
  absl::string_view message(Encoding encoding) const;
  // The frame as connections of a deflated encoding get it, if it has that and so is shorter. Apart from this one, so
  // that what waits for them holds nothing else.
  const std::shared_ptr<const Frame>& deflated() const { return deflated_; }
  // In all encodings together.
  size_t size() const;
  bool is_volatile() const { return origin_.is_volatile; }
  const FrameOrigin& origin() const { return origin_; }

 private:
  friend class FrameBuilder;
  std::array<std::string, kPlainEncodings> bytes_;
  std::shared_ptr<const Frame> deflated_;
  FrameOrigin origin_;
};
using FramePtr = std::shared_ptr<const Frame>;

// Any frame; `payload` stands as in MessageToJson.
FramePtr EncodeFrame(const v1::ServerFrame& frame, EncodingSet encodings, const Payload& payload = {},
                     FrameOrigin origin = {});

// The frame in one other encoding, made from one that it has.
FramePtr Reencode(const Frame& frame, EncodingSet encoding);

// A recorded frame of those bytes, in encoding kGrpc.
FramePtr MakeFrame(std::string grpc_bytes, FrameOrigin origin);

// Reads a frame back.
v1::ServerFrame DecodeServerFrame(const Frame& frame);

// A v1::RoomEvent. Without an offset it is volatile.
struct Event {
  absl::string_view room_id;
  FrameOrigin origin;
  absl::string_view event;
  Payload data;
  // Instead of data, if not null.
  const std::string* binary = nullptr;
  absl::string_view sender_id;
  absl::string_view sender_user_id;
  absl::Time time;
};
FramePtr EncodeEvent(const Event& event, EncodingSet encodings);

// A v1::StatePatch.
FramePtr EncodePatch(absl::string_view room_id, FrameOrigin origin, const Patch& patch, EncodingSet encodings);

// A v1::ComponentPatch: a change of state, or bytes, which are volatile without a version.
struct ComponentDelta {
  absl::string_view component_id;
  uint64_t version = 0;
  Patch operations;
  std::string binary;
};
FramePtr EncodeComponentPatch(const ComponentDelta& delta, EncodingSet encodings);

// Milliseconds precision, as all times of Atrium.
google::protobuf::Timestamp ToTimestamp(absl::Time time);
absl::Time FromTimestamp(const google::protobuf::Timestamp& timestamp);

google::protobuf::Duration ToDuration(absl::Duration duration);

}  // namespace atrium
