#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "atrium/v1/frames.pb.h"
#include "server/wire/payload.h"

namespace atrium {

// A frame from a client, read as far as it goes.
struct ClientRequest {
  // As far as it could be read; else 0.
  uint32_t id = 0;
  // Set if `status` is OK. The payload field of the request is in `payload`.
  v1::ClientFrame frame;
  Payload payload;
  absl::Status status;
};

// Reads the text of a ClientFrame. Errors name the field (`emit.roomId`) and its rule.
ClientRequest DecodeJsonFrame(absl::string_view text);
// Reads a serialised ClientFrame.
ClientRequest DecodeProtoFrame(absl::string_view bytes);
// The same for a frame that is parsed already.
ClientRequest DecodeFrame(v1::ClientFrame frame);

}  // namespace atrium
