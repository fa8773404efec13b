#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "atrium/v1/frames.pb.h"
#include "server/wire/payload.h"

namespace atrium {

// A frame from a client, read as far as it goes.
struct ClientRequest {
  // A frame that is refused has this too, as ReadJsonFrameId and ReadProtoFrameId find it.
  uint32_t id = 0;
  // This is set if `status` is OK. The payload field of the request is in `payload`.
  v1::ClientFrame frame;
  Payload payload;
  absl::Status status;
};

// Return the id of a frame that is refused, whatever else is wrong with it, as far as it can be told apart; 0 if there
// is none. Little is read where the id comes first.
uint32_t ReadJsonFrameId(absl::string_view text);
uint32_t ReadProtoFrameId(absl::string_view bytes);

// Returns INVALID_ARGUMENT, which says that the field `frame` holds no request.
absl::Status NoRequest();

// Reads the text of a ClientFrame. Errors, in `status`, are INVALID_ARGUMENT and name the field (`emit.roomId`) and its
// rule.
ClientRequest DecodeJsonFrame(absl::string_view text);
// The reason (google.rpc.ErrorInfo) of a frame that is refused because it cannot be parsed at all.
inline constexpr char kNotProtobuf[] = "INVALID_PROTOBUF";
// Reads a serialised ClientFrame.
ClientRequest DecodeProtoFrame(absl::string_view bytes);
// Does the same with a frame that is parsed already.
ClientRequest DecodeFrame(v1::ClientFrame frame);

}  // namespace atrium
