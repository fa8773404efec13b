#include "server/websocket/frame_parser.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "server/common/utf8.h"

namespace atrium {
namespace {

// These are of RFC 6455 sections 5.2, 5.5 and 7.4.1.
enum Opcode : uint8_t { kContinuation = 0x0, kText = 0x1, kBinary = 0x2, kClose = 0x8, kPing = 0x9, kPong = 0xa };
constexpr uint8_t kFinal = 0x80;
constexpr uint8_t kReserved = 0x70;
constexpr uint8_t kCompressed = 0x40;
constexpr uint8_t kMasked = 0x80;
constexpr uint8_t kTwoByteLength = 126;
constexpr uint16_t kProtocolError = 1002;
constexpr uint16_t kNoCloseCode = 1005;
constexpr uint16_t kInvalidPayload = 1007;
constexpr uint16_t kPolicyViolation = 1008;
constexpr uint16_t kTooBig = 1009;

// A message may come in so many fragments, or in more if they have so many bytes on average.
constexpr size_t kLeastMaxFragments = 1024;
constexpr size_t kSmallFragment = 16;

// Returns whether an endpoint may send the code: those of IANA's WebSocket Close Code Number Registry, and those of
// libraries and applications (RFC 6455 section 7.4.2).
bool MayBeSent(uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

// Copies `masked` to `out`, unmasked (RFC 6455 section 5.3); `key` is turned to where `masked` begins.
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

// Makes `text` longer by `by` bytes and returns where these begin. Its memory doubles, but not beyond `most`.
char* Grow(std::string& text, size_t by, size_t most) {
  const size_t before = text.size();
  if (text.capacity() < before + by) text.reserve(std::min(most, std::max(before + by, 2 * text.capacity())));
  text.resize(before + by);
  return text.data() + before;
}

}  // namespace

FrameParser::FrameParser(size_t max_message_bytes)
    : max_message_bytes_(max_message_bytes > 0 ? max_message_bytes : std::numeric_limits<uint32_t>::max()),
      max_fragments_(std::max(kLeastMaxFragments, max_message_bytes_ / kSmallFragment)) {}

FrameParser::Outcome FrameParser::Feed(absl::string_view bytes, Sink& sink) {
  Outcome outcome;
  const size_t size = bytes.size();
  began_ = false;
  go_on_ = true;
  while (go_on_ && !bytes.empty()) {
    size_t read = idle_ ? FeedSimple(bytes, sink) : 0;
    if (read == 0) read = payload_left_ == 0 ? FeedHead(bytes, sink, outcome) : FeedPayload(bytes, sink, outcome);
    bytes.remove_prefix(read);
    if (violation_ != 0) {
      outcome = {.state = State::kViolation, .close_code = violation_};
      break;
    }
    if (outcome.state != State::kOpen) break;
  }
  outcome.read = size - bytes.size();
  return outcome;
}

void FrameParser::OnMessage(bool text, bool compressed, absl::string_view message, Sink& sink) {
  absl::StatusOr<std::string> inflated;
  if (compressed) {
    inflated = inflater_->Inflate(message, max_message_bytes_);
    if (!inflated.ok()) {
      violation_ = absl::IsResourceExhausted(inflated.status()) ? kTooBig : kInvalidPayload;
      return;
    }
    message = *inflated;
  }
  if (text && !IsUtf8(message)) {
    violation_ = kInvalidPayload;
    return;
  }
  go_on_ = sink.OnMessage(text, message);
}

size_t FrameParser::FeedSimple(absl::string_view bytes, Sink& sink) {
  char key[4];
  size_t header = 2 + sizeof(key);
  if (bytes.size() < header) return 0;
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const bool compressed = inflater_ != nullptr && (byte(0) & kCompressed) != 0;
  const int kind = compressed ? byte(0) & ~kCompressed : byte(0);
  const bool text = kind == (kFinal | kText);
  if ((!text && kind != (kFinal | kBinary)) || byte(1) < kMasked) return 0;
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
  if (compressed || (text && !IsUtf8(unmasked_))) {
    OnMessage(text, compressed, unmasked_, sink);
  } else {
    go_on_ = sink.OnMessage(text, unmasked_);
  }
  return header + size;
}

// ---- Any frame

size_t FrameParser::head_size() const {
  const int length = head_[1] & 0x7f;
  return 2 + key_.size() + (length < kTwoByteLength ? 0 : length == kTwoByteLength ? 2 : 8);
}

size_t FrameParser::FeedHead(absl::string_view bytes, Sink& sink, Outcome& outcome) {
  if (std::exchange(idle_, false)) began_ = true;
  size_t read = 0;
  while (read < bytes.size() && violation_ == 0) {
    head_[head_read_++] = bytes[read++];
    if (head_read_ == 2) CheckStart();
    if (head_read_ < 2 || head_read_ < head_size() || violation_ != 0) continue;
    BeginPayload();
    if (violation_ == 0 && payload_left_ == 0) EndFrame(sink, outcome);
    break;
  }
  return read;
}

void FrameParser::CheckStart() {
  const auto first = static_cast<uint8_t>(head_[0]);
  const uint8_t opcode = this->opcode();
  // Only the first frame of a message says that it is compressed: RFC 7692 section 6.
  const bool may_be_compressed = inflater_ != nullptr && (opcode == kText || opcode == kBinary);
  const bool reserved = (first & kReserved & ~(may_be_compressed ? kCompressed : 0)) != 0;
  const bool masked = (head_[1] & kMasked) != 0;
  const bool known = opcode <= kBinary || (opcode >= kClose && opcode <= kPong);
  const bool in_turn = is_control() || in_message_ == (opcode == kContinuation);
  const bool fits = !is_control() || (is_final() && (head_[1] & 0x7f) < kTwoByteLength);
  if (reserved || !masked || !known || !in_turn || !fits) violation_ = kProtocolError;
}

void FrameParser::BeginPayload() {
  uint64_t size = head_[1] & 0x7f;
  if (size >= kTwoByteLength) {
    const uint64_t shorter_form = size == kTwoByteLength ? kTwoByteLength : 0x10000;
    size = 0;
    for (size_t i = 2; i < head_size() - key_.size(); ++i) size = size << 8 | static_cast<uint8_t>(head_[i]);
    // The shortest form is to be used, and the first bit of the longest is 0: RFC 6455 section 5.2.
    if (size < shorter_form || size >> 63 != 0) violation_ = kProtocolError;
  }
  std::memcpy(key_.data(), head_.data() + head_size() - key_.size(), key_.size());
  payload_read_ = 0;
  payload_left_ = size;
  if (is_control() || violation_ != 0) return;
  if (opcode() != kContinuation) {
    text_ = opcode() == kText;
    compressed_ = (head_[0] & kCompressed) != 0;
    fragments_ = 0;
  }
  in_message_ = true;
  if (size > max_message_bytes_ - message_.size()) violation_ = kTooBig;
  if (++fragments_ > max_fragments_) violation_ = kPolicyViolation;
}

size_t FrameParser::FeedPayload(absl::string_view bytes, Sink& sink, Outcome& outcome) {
  const absl::string_view masked = bytes.substr(0, std::min<uint64_t>(bytes.size(), payload_left_));
  char key[4];
  for (size_t i = 0; i < sizeof(key); ++i) key[i] = key_[(payload_read_ + i) % sizeof(key)];
  Unmask(key, masked, Grow(is_control() ? control_ : message_, masked.size(), max_message_bytes_));
  payload_read_ += masked.size();
  payload_left_ -= masked.size();
  if (payload_left_ == 0) EndFrame(sink, outcome);
  return masked.size();
}

void FrameParser::EndFrame(Sink& sink, Outcome& outcome) {
  head_read_ = 0;
  const bool whole = !is_control() && is_final();
  if (whole) in_message_ = false;
  idle_ = !in_message_;
  if (is_control()) EndControlFrame(outcome);
  if (whole) {
    const std::string message = std::exchange(message_, {});
    OnMessage(text_, compressed_, message, sink);
  }
  // A message that came in one frame counts as that.
  const bool other = !whole || fragments_ > 1;
  if (other && violation_ == 0 && outcome.state == State::kOpen) go_on_ &= sink.OnOtherFrame();
}

// ---- Control frames

void FrameParser::EndControlFrame(Outcome& outcome) {
  if (opcode() == kClose) {
    OnClose(outcome);
  } else if (opcode() == kPing) {
    outcome.answer += static_cast<char>(kFinal | kPong);
    outcome.answer += static_cast<char>(control_.size());
    outcome.answer += control_;
  }
  control_.clear();
}

void FrameParser::OnClose(Outcome& outcome) {
  uint16_t code = kNoCloseCode;
  if (!control_.empty()) {
    // A body begins with a code of two bytes: RFC 6455 section 5.5.1.
    if (control_.size() >= 2) code = static_cast<uint8_t>(control_[0]) << 8 | static_cast<uint8_t>(control_[1]);
    if (!MayBeSent(code)) {
      violation_ = kProtocolError;
    } else if (!IsUtf8(absl::string_view(control_).substr(2))) {
      violation_ = kInvalidPayload;
    }
  }
  outcome.state = State::kPeerClosed;
  outcome.close_code = code;
  outcome.answer += static_cast<char>(kFinal | kClose);
  outcome.answer += static_cast<char>(control_.size());
  outcome.answer += control_;
}

}  // namespace atrium
