// Feeds bytes to the WebSocket parser, which must not mind how they come, and to the frame decoders: whatever decodes
// must encode again.

#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/util/message_differencer.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/websocket/frame_parser.h"
#include "server/wire/client_request.h"
#include "server/wire/message_json.h"

namespace atrium {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckJson(absl::string_view message) {
  const ClientRequest request = DecodeJsonFrame(message);
  // With white space in front it is not plain, and read another way.
  const ClientRequest spaced = DecodeJsonFrame(absl::StrCat(" ", message));
  Require(spaced.status.code() == request.status.code());
  Require(spaced.id == request.id);
  if (!request.status.ok()) {
    Require(!request.status.message().empty());
    return;
  }
  Require(spaced.payload.empty() == request.payload.empty());
  Require(spaced.payload.Json() == request.payload.Json());
  // Not their text: a Struct of two frames may list its keys in two orders.
  Require(google::protobuf::util::MessageDifferencer::Equals(spaced.frame, request.frame));
  // What was accepted comes out as JSON that is accepted again.
  const std::string again = MessageToJson(request.frame, JsonZeros::kOmit);
  Require(ParseJson(again).ok());
  const absl::StatusOr<json::value> payload = ParseJson(request.payload.Json());
  Require(payload.ok());
  Require(ToJson(*payload) == request.payload.Json());
  Require(JsonSize(*payload) == request.payload.Json().size());
  Require(Payload::FromValue(request.payload.ToValue())->Json().size() == request.payload.Json().size());
}

// What a parser made of an input.
struct Read final : FrameParser::Sink {
  void OnMessage(bool text, absl::string_view message) override {
    absl::StrAppend(&messages, text ? "text" : "binary", message.size(), ":", message);
  }
  bool operator==(const Read& other) const {
    if (messages != other.messages) return false;
    // wslay looks into a close that is half there, and sees more of it the longer the reads are.
    constexpr auto kViolation = FrameParser::State::kViolation;
    if (state == kViolation || other.state == kViolation) return true;
    return state == other.state && close_code == other.close_code;
  }

  std::string messages;
  FrameParser::State state = FrameParser::State::kOpen;
  uint16_t close_code = 0;
};

// In pieces of `step` bytes; compressed messages are taken with an `inflater`.
Read Parse(absl::string_view input, size_t step, Inflater* inflater) {
  FrameParser parser(64 * 1024);
  parser.set_inflater(inflater);
  Read read;
  for (size_t begin = 0; begin < input.size() && read.state == FrameParser::State::kOpen; begin += step) {
    const FrameParser::Outcome outcome = parser.Feed(input.substr(begin, step), read);
    read.state = outcome.state;
    read.close_code = outcome.close_code;
  }
  return read;
}

// The first byte says how the rest is cut into reads, of which nothing may depend.
void CheckParser(absl::string_view input) {
  if (input.empty()) return;
  const size_t step = 1 + static_cast<uint8_t>(input.front());
  input.remove_prefix(1);
  Inflater inflater;
  for (Inflater* const one : {static_cast<Inflater*>(nullptr), &inflater}) {
    Require(Parse(input, step, one) == Parse(input, 1, one));
    Require(Parse(input, step, one) == Parse(input, input.size() + 1, one));
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
  atrium::CheckParser(input);
  atrium::CheckJson(input);
  atrium::DecodeProtoFrame(input);
  return 0;
}
