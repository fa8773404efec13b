#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "atrium/v1/frames.pb.h"
#include "server/wire/encoding.h"
#include "server/wire/patch.h"
#include "server/wire/payload.h"

namespace atrium {

// What a frame has to do with a room, which decides what becomes of it when its client is too slow, or gone for a
// while.
struct FrameOrigin {
  enum class Kind : uint8_t {
    kHistory,
    kSnapshot,
    kJoined,  // a join's reply
    kLeft,
    kWelcome,  // of no room
  };
  // This names the room (RoomKey); 0 stands for none.
  uint64_t room = 0;
  // This is the offset in the room's history, or 0 if the frame is not recorded. That of a snapshot and a join's reply
  // is the position of the state. A `left` has the key of the component that was the member here, or 0 for the session
  // itself.
  uint64_t offset = 0;
  Kind kind = Kind::kHistory;
  // Whether it may be dropped on its way to a slow client.
  bool is_volatile = false;

  // Returns whether a later snapshot of the room can stand for it.
  bool replaceable() const { return room != 0 && (kind == Kind::kHistory || kind == Kind::kSnapshot); }
};

// A frame to clients, encoded once for all that get it. It is immutable, and threads share it.
class Frame {
 public:
  // Returns the frame as it is stored for that encoding, which must be one of those that it was made for.
  const std::string& bytes(Encoding encoding) const { return bytes_[static_cast<int>(StoredAs(encoding))]; }
  bool has(Encoding encoding) const { return !bytes(encoding).empty(); }
  // Returns the same without a WebSocket header.
  absl::string_view message(Encoding encoding) const;
  // Returns the frame as connections of a deflated encoding get it, or null if it was not made for these or would not
  // be shorter. It is a frame of its own, so that what waits for them holds nothing else.
  const std::shared_ptr<const Frame>& deflated() const { return deflated_; }
  // Returns how many bytes it has in all encodings together.
  size_t size() const;
  // Returns what it takes in memory, with all that it holds.
  size_t memory() const;
  bool is_volatile() const { return origin_.is_volatile; }
  const FrameOrigin& origin() const { return origin_; }

 private:
  friend class FrameBuilder;
  std::array<std::string, kStoredEncodings> bytes_;
  std::shared_ptr<const Frame> deflated_;
  FrameOrigin origin_;
};
using FramePtr = std::shared_ptr<const Frame>;

// Encodes any frame; `payload` stands where MessageToJson puts it.
FramePtr EncodeFrame(const v1::ServerFrame& frame, EncodingSet encodings, const Payload& payload = {},
                     FrameOrigin origin = {});

// Returns the frame in one other encoding, made from one that it has.
FramePtr Reencode(const Frame& frame, EncodingSet encoding);

// Returns a recorded frame of those bytes, which are in encoding kGrpc.
FramePtr MakeFrame(std::string grpc_bytes, FrameOrigin origin);

// Reads a frame back.
v1::ServerFrame DecodeServerFrame(const Frame& frame);

// A v1::RoomEvent. Without an offset it is volatile.
struct Event {
  absl::string_view room_id;
  FrameOrigin origin;
  absl::string_view event;
  Payload data;
  // If this is not null, it goes instead of `data`.
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

// It has a precision of milliseconds, as all times of Atrium.
google::protobuf::Timestamp ToTimestamp(absl::Time time);
absl::Time FromTimestamp(const google::protobuf::Timestamp& timestamp);

google::protobuf::Duration ToDuration(absl::Duration duration);

}  // namespace atrium
