#include "server/websocket/frame_parser.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "server/common/utf8.h"

namespace atrium {

struct FrameParser::Callbacks {
  static FrameParser& Self(void* user_data) { return *static_cast<FrameParser*>(user_data); }

  static ssize_t Receive(wslay_event_context_ptr context, uint8_t* data, size_t size, int, void* user_data) {
    absl::string_view& input = Self(user_data).input_;
    if (input.empty()) {
      wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
      return -1;
    }
    const size_t n = std::min(size, input.size());
    std::memcpy(data, input.data(), n);
    input.remove_prefix(n);
    return static_cast<ssize_t>(n);
  }

  static ssize_t Send(wslay_event_context_ptr, const uint8_t* data, size_t size, int, void* user_data) {
    Self(user_data).answer_->append(reinterpret_cast<const char*>(data), size);
    return static_cast<ssize_t>(size);
  }

  static void OnFrame(wslay_event_context_ptr, const wslay_event_on_frame_recv_start_arg* frame, void* user_data) {
    FrameParser& self = Self(user_data);
    const uint64_t size = frame->payload_length;
    constexpr uint64_t kFixedHeaderAndMask = 2 + 4;
    self.frames_ += kFixedHeaderAndMask + (size < 126 ? 0 : size <= 0xffff ? 2 : 8) + size;
    if (!wslay_is_ctrl_frame(frame->opcode)) self.in_message_ = !frame->fin;
    // RFC 6455 section 5.5.1: a body has a code, of two bytes. wslay takes one byte for none.
    if (frame->opcode == WSLAY_CONNECTION_CLOSE && size == 1) self.broken_close_ = true;
  }

  static void OnMessage(wslay_event_context_ptr, const wslay_event_on_msg_recv_arg* message, void* user_data) {
    FrameParser& self = Self(user_data);
    if (wslay_is_ctrl_frame(message->opcode) || self.inflate_error_ != 0) return;
    const bool text = message->opcode == WSLAY_TEXT_FRAME;
    const absl::string_view payload(reinterpret_cast<const char*>(message->msg), message->msg_length);
    if (wslay_get_rsv1(message->rsv)) return self.Inflate(text, payload, *self.sink_);
    self.sink_->OnMessage(text, payload);
  }
};

FrameParser::FrameParser(size_t max_message_bytes)
    : max_message_bytes_(max_message_bytes > 0 ? max_message_bytes : std::numeric_limits<uint32_t>::max()) {
  wslay_event_callbacks callbacks{};
  callbacks.recv_callback = Callbacks::Receive;
  callbacks.send_callback = Callbacks::Send;
  callbacks.on_frame_recv_start_callback = Callbacks::OnFrame;
  callbacks.on_msg_recv_callback = Callbacks::OnMessage;
  wslay_event_context_ptr context = nullptr;
  wslay_event_context_server_init(&context, &callbacks, this);
  context_.reset(context);
  wslay_event_config_set_max_recv_msg_length(context, max_message_bytes_);
}

void FrameParser::set_inflater(Inflater* inflater) {
  if (std::exchange(inflater_, inflater) == inflater) return;
  wslay_event_config_set_allowed_rsv_bits(context_.get(), inflater == nullptr ? WSLAY_RSV_NONE : WSLAY_RSV1_BIT);
}

void FrameParser::Inflate(bool text, absl::string_view compressed, Sink& sink) {
  const absl::StatusOr<std::string> message = inflater_->Inflate(compressed, max_message_bytes_);
  if (message.ok() && (!text || IsUtf8(*message))) return sink.OnMessage(text, *message);
  inflate_error_ =
      absl::IsResourceExhausted(message.status()) ? WSLAY_CODE_MESSAGE_TOO_BIG : WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA;
}

namespace {

// Copies `masked` to `out`, unmasked (RFC 6455 section 5.3).
void Unmask(const char (&key)[4], absl::string_view masked, char* out) {
  uint64_t key_word;
  std::memcpy(&key_word, key, sizeof(key));
  std::memcpy(reinterpret_cast<char*>(&key_word) + sizeof(key), key, sizeof(key));
  size_t i = 0;
  for (; i + sizeof(uint64_t) <= masked.size(); i += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, masked.data() + i, sizeof(word));
    word ^= key_word;
    std::memcpy(out + i, &word, sizeof(word));
  }
  for (; i < masked.size(); ++i) out[i] = static_cast<char>(masked[i] ^ key[i % sizeof(key)]);
}

}  // namespace

size_t FrameParser::FeedSimple(absl::string_view bytes, Sink& sink) {
  constexpr uint8_t kFinalText = 0x81;
  constexpr uint8_t kFinalBinary = 0x82;
  constexpr uint8_t kCompressed = 0x40;
  constexpr uint8_t kMasked = 0x80;
  constexpr uint8_t kTwoByteLength = 126;
  char key[4];
  size_t header = 2 + sizeof(key);
  if (bytes.size() < header) return 0;
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const bool compressed = inflater_ != nullptr && (byte(0) & kCompressed) != 0;
  const int kind = compressed ? byte(0) & ~kCompressed : byte(0);
  const bool text = kind == kFinalText;
  if ((!text && kind != kFinalBinary) || byte(1) < kMasked) return 0;
  size_t size = byte(1) - kMasked;
  if (size > kTwoByteLength) return 0;
  if (size == kTwoByteLength) {
    size = byte(2) << 8 | byte(3);
    header += 2;
    if (size < kTwoByteLength) return 0;
  }
  if (bytes.size() < header + size || size > max_message_bytes_) return 0;
  std::memcpy(key, bytes.data() + header - sizeof(key), sizeof(key));
  unmasked_.resize(size);
  Unmask(key, bytes.substr(header, size), unmasked_.data());
  if (compressed) {
    Inflate(text, unmasked_, sink);
  } else if (!text || IsUtf8(unmasked_)) {
    sink.OnMessage(text, unmasked_);
  } else {
    return 0;
  }
  return header + size;
}

FrameParser::Outcome FrameParser::Feed(absl::string_view bytes, Sink& sink) {
  while (idle() && !bytes.empty()) {
    const size_t read = FeedSimple(bytes, sink);
    if (read == 0) break;
    bytes.remove_prefix(read);
    if (inflate_error_ != 0) return {.state = State::kViolation, .close_code = inflate_error_};
  }
  Outcome outcome;
  if (bytes.empty()) return outcome;
  input_ = bytes;
  sink_ = &sink;
  answer_ = &outcome.answer;
  fed_ += bytes.size();
  const bool failed = wslay_event_recv(context_.get()) != 0 || wslay_event_send(context_.get()) != 0;

  if (inflate_error_ != 0) {
    outcome = {.state = State::kViolation, .close_code = inflate_error_};
  } else if (broken_close_) {
    outcome = {.state = State::kViolation, .close_code = WSLAY_CODE_PROTOCOL_ERROR};
  } else if (wslay_event_get_close_received(context_.get())) {
    outcome.state = State::kPeerClosed;
    outcome.close_code = wslay_event_get_status_code_received(context_.get());
  } else if (failed || wslay_event_get_close_sent(context_.get())) {
    const uint16_t code = wslay_event_get_status_code_sent(context_.get());
    outcome.state = State::kViolation;
    outcome.close_code = code == WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA || code == WSLAY_CODE_MESSAGE_TOO_BIG
                             ? code
                             : static_cast<uint16_t>(WSLAY_CODE_PROTOCOL_ERROR);
    outcome.answer.clear();
  }
  return outcome;
}

}  // namespace atrium
