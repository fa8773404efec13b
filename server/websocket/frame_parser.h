#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "server/wire/deflate.h"

namespace atrium {

// Reads what a client sends after the upgrade: frames, fragments, UTF-8, pings, closes (RFC 6455), without I/O. What
// must be answered at once (pongs, the echo of a close) comes back as bytes, so that a socket has one writer. Nearly
// all messages are one frame that is there as a whole, for which there is a shorter way.
//
// An unfinished message lies in one buffer, however many fragments it came in. A parser can serve another connection
// whenever it is idle(). One thread at a time may use it.
class FrameParser {
 public:
  // Both methods return whether the parser is to read on, and must not destroy it.
  class Sink {
   public:
    virtual ~Sink() = default;
    // Takes a whole text (valid UTF-8) or binary message.
    virtual bool OnMessage(bool text, absl::string_view message) = 0;
    // Hears of a frame that is no message by itself: a fragment, or a control frame.
    virtual bool OnOtherFrame() = 0;
  };

  enum class State {
    kOpen,
    kPeerClosed,  // a close came, with `close_code`; its echo is in `answer`
    kViolation,   // the protocol is broken: close with `close_code`
  };
  struct Outcome {
    State state = State::kOpen;
    // This is the client's code, or 1005 if it gave none; for a violation it is 1002, 1007, 1008 or 1009.
    uint16_t close_code = 0;
    std::string answer;
    // So many of the bytes were read: all, unless the sink wanted no more or the state is not kOpen.
    size_t read = 0;
  };

  // A message of more than `max_message_bytes` is a violation (1009); 0 means no limit. So is one of too many fragments
  // (1008): more than 1024, and more than one for each 16 bytes of that limit.
  explicit FrameParser(size_t max_message_bytes);

  // Reads compressed messages (RFC 7692) with `inflater`; if that is null, they are a violation (1002).
  void set_inflater(Inflater* inflater) { inflater_ = inflater; }

  // Reads `bytes`, calling `sink` for each message that they complete, until that wants no more. It is not called again
  // after a violation or a close.
  Outcome Feed(absl::string_view bytes, Sink& sink);

  // Returns whether no frame and no message is half read.
  bool idle() const { return idle_; }
  // Returns whether what is half read began in the last Feed.
  bool began() const { return began_; }

 private:
  // Reads the message that begins `bytes`, if it is whole, in one frame and nothing special. Returns how many bytes
  // that took; 0 if it is not so.
  size_t FeedSimple(absl::string_view bytes, Sink& sink);
  // Read the head of a frame, or a part of its payload; each returns how many bytes it has read.
  size_t FeedHead(absl::string_view bytes, Sink& sink, Outcome& outcome);
  size_t FeedPayload(absl::string_view bytes, Sink& sink, Outcome& outcome);
  // Checks what the first two bytes of a frame say.
  void CheckStart();
  void BeginPayload();
  void EndFrame(Sink& sink, Outcome& outcome);
  void EndControlFrame(Outcome& outcome);
  void OnClose(Outcome& outcome);
  void OnMessage(bool text, bool compressed, absl::string_view message, Sink& sink);

  uint8_t opcode() const { return static_cast<uint8_t>(head_[0]) & 0x0f; }
  bool is_control() const { return (opcode() & 0x08) != 0; }
  bool is_final() const { return (static_cast<uint8_t>(head_[0]) & 0x80) != 0; }
  // Returns how many bytes the head has that begins in `head_`.
  size_t head_size() const;

  const size_t max_message_bytes_;
  const size_t max_fragments_;
  Inflater* inflater_ = nullptr;
  // FeedSimple unmasks a message into this.
  std::string unmasked_;
  // These belong to the frame that is half read: its head as far as it is there, and how much of its payload is
  // missing.
  std::array<char, 14> head_;
  uint8_t head_read_ = 0;
  std::array<char, 4> key_;
  uint64_t payload_read_ = 0;
  uint64_t payload_left_ = 0;
  std::string control_;
  // These belong to the message that is half read.
  std::string message_;
  size_t fragments_ = 0;
  bool in_message_ = false;
  bool text_ = false;
  bool compressed_ = false;

  bool idle_ = true;
  bool began_ = false;
  // Whether the sink wants more.
  bool go_on_ = true;
  // This close code says what is wrong with the bytes; it is 0 while nothing is.
  uint16_t violation_ = 0;
};

}  // namespace atrium
