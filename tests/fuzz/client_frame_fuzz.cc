// Feeds bytes to the WebSocket parser, which must not mind how they come, and to the frame decoders: whatever decodes
// must encode again.

#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/util/message_differencer.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/websocket/frame_parser.h"
#include "server/wire/client_frames_reader.h"
#include "server/wire/client_request.h"
#include "server/wire/json_scan.h"
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
    Require(!request.status.message().empty() && request.status.message().size() <= kMaxMessageBytes + 3);
    // An object that is refused for what stands in it keeps its id, wherever that stands.
    const absl::StatusOr<json::value> value = ParseJson(message, kMaxDocumentDepth);
    const bool is_object = value.ok() && value->is_object();
    Require(!is_object || request.id == 0 || value->get_object().contains("id"));
    const std::optional<absl::string_view> id = FindJsonMember(message, "id");
    if (is_object && value->get_object().contains("id")) {
      Require(id && *ParseJson(*id, kMaxDocumentDepth) == value->at("id"));
    }
    JsonPathAt(message, message.size() / 2);
    return;
  }
  Require(spaced.payload.empty() == request.payload.empty());
  Require(spaced.payload.Json() == request.payload.Json());
  // Not their text: a Struct of two frames may list its keys in two orders.
  Require(google::protobuf::util::MessageDifferencer::Equals(spaced.frame, request.frame));
  // What was accepted comes out as JSON that is accepted again.
  const std::string again = MessageToJson(request.frame, JsonZeros::kOmit);
  Require(ParseJson(again, kMaxDocumentDepth).ok());
  const absl::StatusOr<json::value> payload = ParseJson(request.payload.Json());
  Require(payload.ok());
  Require(ToJson(*payload) == request.payload.Json());
  Require(JsonSize(*payload) == request.payload.Json().size());
  Require(Payload::FromValue(request.payload.ToValue())->Json().size() == request.payload.Json().size());
}

// What a parser made of an input.
struct Read final : FrameParser::Sink {
  bool OnMessage(bool text, absl::string_view message) override {
    absl::StrAppend(&messages, text ? "text" : "binary", message.size(), ":", message);
    return GoOn();
  }
  bool OnOtherFrame() override {
    absl::StrAppend(&messages, "other");
    return GoOn();
  }
  bool operator==(const Read& other) const {
    return messages == other.messages && answers == other.answers && state == other.state &&
           close_code == other.close_code && idle == other.idle;
  }
  bool GoOn() {
    const bool go_on = ++told % pause_after != 0;
    // A message of several frames is told as a message and as a frame, and either may be the one to pause at.
    paused |= !go_on;
    return go_on;
  }

  size_t pause_after = 0;
  size_t told = 0;
  bool paused = false;
  std::string messages;
  std::string answers;
  FrameParser::State state = FrameParser::State::kOpen;
  uint16_t close_code = 0;
  bool idle = true;
};

// In pieces of `step` bytes, with a pause behind each `pause_after` messages and frames; compressed messages are taken
// with an `inflater`.
Read Parse(absl::string_view input, size_t step, size_t pause_after, Inflater* inflater) {
  FrameParser parser(64 * 1024);
  parser.set_inflater(inflater);
  Read read;
  read.pause_after = pause_after;
  for (size_t begin = 0; begin < input.size() && read.state == FrameParser::State::kOpen;) {
    const absl::string_view piece = input.substr(begin, step);
    read.paused = false;
    const FrameParser::Outcome outcome = parser.Feed(piece, read);
    Require(outcome.read <= piece.size() && outcome.read > 0);
    Require(outcome.read == piece.size() || read.paused || outcome.state != FrameParser::State::kOpen);
    begin += outcome.read;
    read.state = outcome.state;
    read.close_code = outcome.close_code;
    // Those before a violation are lost with it, as far as they came in one piece.
    if (outcome.state != FrameParser::State::kViolation) read.answers += outcome.answer;
  }
  read.idle = parser.idle();
  if (read.state == FrameParser::State::kViolation) read.answers.clear();
  return read;
}

// The first byte says how the rest is cut into reads, and where it pauses: nothing may depend on that.
void CheckParser(absl::string_view input) {
  if (input.empty()) return;
  const size_t step = 1 + static_cast<uint8_t>(input.front());
  const size_t pause_after = 1 + step % 7;
  input.remove_prefix(1);
  constexpr size_t kNever = 1'000'000'000;
  Inflater inflater;
  for (Inflater* const one : {static_cast<Inflater*>(nullptr), &inflater}) {
    const Read whole = Parse(input, input.size() + 1, kNever, one);
    Require(Parse(input, step, kNever, one) == whole);
    Require(Parse(input, step, pause_after, one) == whole);
    Require(Parse(input, 1, pause_after, one) == whole);
    Require(Parse(input, input.size() + 1, pause_after, one) == whole);
  }
}

// Frames come off a message whether they parse or not.
void CheckFrames(absl::string_view input) {
  ClientFramesReader reader(input);
  size_t frames = 0;
  while (const std::optional<absl::string_view> frame = reader.Next()) {
    Require(frame->data() >= input.data() && frame->data() + frame->size() <= input.data() + input.size());
    ++frames;
    ReadProtoFrameId(*frame);
  }
  v1::ClientFrames parsed;
  if (!parsed.ParseFromArray(input.data(), static_cast<int>(input.size()))) return;
  Require(!reader.broken() && frames == static_cast<size_t>(parsed.frames_size()));
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
  atrium::CheckFrames(input);
  atrium::DecodeProtoFrame(input);
  return 0;
}
