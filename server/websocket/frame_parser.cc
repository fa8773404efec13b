#include "server/websocket/frame_parser.h"

#include <algorithm>
#include <cstring>
#include <limits>

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
    if (wslay_is_ctrl_frame(message->opcode)) return;
    Self(user_data).sink_->OnMessage(message->opcode == WSLAY_TEXT_FRAME,
                                     {reinterpret_cast<const char*>(message->msg), message->msg_length});
  }
};

FrameParser::FrameParser(size_t max_message_bytes) {
  wslay_event_callbacks callbacks{};
  callbacks.recv_callback = Callbacks::Receive;
  callbacks.send_callback = Callbacks::Send;
  callbacks.on_frame_recv_start_callback = Callbacks::OnFrame;
  callbacks.on_msg_recv_callback = Callbacks::OnMessage;
  wslay_event_context_ptr context = nullptr;
  wslay_event_context_server_init(&context, &callbacks, this);
  context_.reset(context);
  wslay_event_config_set_max_recv_msg_length(
      context, max_message_bytes > 0 ? max_message_bytes : std::numeric_limits<uint32_t>::max());
}

FrameParser::Outcome FrameParser::Feed(absl::string_view bytes, Sink& sink) {
  Outcome outcome;
  input_ = bytes;
  sink_ = &sink;
  answer_ = &outcome.answer;
  fed_ += bytes.size();
  const bool failed = wslay_event_recv(context_.get()) != 0 || wslay_event_send(context_.get()) != 0;

  if (broken_close_) {
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
