// Feeds bytes to the WebSocket parser and what it yields to the frame decoders, as a connection does; whatever decodes
// must encode again.

#include <google/protobuf/stubs/logging.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "server/websocket/frame_parser.h"
#include "server/wire/frames.h"
#include "server/wire/message_json.h"

namespace atrium {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckJson(absl::string_view message) {
  const ClientRequest request = DecodeJsonFrame(message);
  if (!request.status.ok()) {
    Require(!request.status.message().empty());
    return;
  }
  // What was accepted comes out as JSON that is accepted again.
  const std::string again = MessageToJson(request.frame, JsonZeros::kOmit);
  Require(ParseJson(again).ok());
  const absl::StatusOr<json::value> payload = ParseJson(request.payload.Json());
  Require(payload.ok());
  Require(ToJson(*payload) == request.payload.Json());
  Require(JsonSize(*payload) == request.payload.Json().size());
  Require(Payload::FromValue(request.payload.ToValue())->Json().size() == request.payload.Json().size());
}

class Sink final : public FrameParser::Sink {
 public:
  void OnMessage(bool text, absl::string_view message) override {
    if (text) {
      CheckJson(message);
    } else {
      DecodeProtoFrame(message);
    }
  }
};

// The first byte says how the rest is cut into reads.
void FeedParser(absl::string_view input) {
  if (input.empty()) return;
  const size_t step = 1 + static_cast<uint8_t>(input.front());
  input.remove_prefix(1);
  FrameParser parser(64 * 1024);
  Sink sink;
  for (size_t begin = 0; begin < input.size(); begin += step) {
    const FrameParser::Outcome outcome = parser.Feed(input.substr(begin, step), sink);
    if (outcome.state != FrameParser::State::kOpen) return;
  }
}

}  // namespace
}  // namespace atrium

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  google::protobuf::SetLogHandler(nullptr);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  atrium::FeedParser(input);
  atrium::CheckJson(input);
  atrium::DecodeProtoFrame(input);
  return 0;
}
