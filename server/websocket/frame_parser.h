#pragma once

#include <wslay/wslay.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "server/wire/deflate.h"

namespace atrium {

// Reads what a client sends after the upgrade: frames, fragments, UTF-8, pings, closes (RFC 6455), by wslay and without
// I/O. What must be answered at once (pongs, the echo of a close) comes back as bytes, so that a socket has one writer.
// What nearly all messages are, one frame that is there as a whole, is read apart: wslay goes through it byte by byte,
// twice.
//
// A parser carries 8 KiB of buffers; it can serve another connection whenever it is idle(). One thread at a time.
class FrameParser {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    // A whole text (valid UTF-8) or binary message. Must not destroy the parser.
    virtual void OnMessage(bool text, absl::string_view message) = 0;
  };

  enum class State {
    kOpen,
    kPeerClosed,  // a close came, with `close_code`; its echo is in `answer`
    kViolation,   // the protocol is broken: close with `close_code`
  };
  struct Outcome {
    State state = State::kOpen;
    // The client's, 1005 if it gave none; or for a violation 1002, 1007 or 1009.
    uint16_t close_code = 0;
    std::string answer;
  };

  // Messages over `max_message_bytes` are a violation (1009); 0: no limit.
  explicit FrameParser(size_t max_message_bytes);

  // Compressed messages (RFC 7692) are read with `inflater`; null: they are a violation.
  void set_inflater(Inflater* inflater);

  // Reads all of `bytes`, calling `sink` for each message that they complete. Not to be called again after a violation.
  Outcome Feed(absl::string_view bytes, Sink& sink);

  // No frame and no message is half read.
  bool idle() const { return fed_ == frames_ && !in_message_; }

 private:
  struct Callbacks;
  // Reads the message that begins `bytes`, if it is whole, in one frame and nothing special. How long it was; else 0.
  size_t FeedSimple(absl::string_view bytes, Sink& sink);
  void Inflate(bool text, absl::string_view compressed, Sink& sink);
  struct Free {
    void operator()(wslay_event_context_ptr context) const { wslay_event_context_free(context); }
  };

  const size_t max_message_bytes_;
  std::unique_ptr<std::remove_pointer_t<wslay_event_context_ptr>, Free> context_;
  // Of FeedSimple.
  std::string unmasked_;
  Inflater* inflater_ = nullptr;
  // Set while Feed runs.
  absl::string_view input_;
  Sink* sink_ = nullptr;
  std::string* answer_ = nullptr;
  // Bytes fed, and the whole length of the frames that they began: equal at the border between two frames.
  uint64_t fed_ = 0;
  uint64_t frames_ = 0;
  bool in_message_ = false;
  bool broken_close_ = false;
  // Of a message that could not be unpacked; else 0.
  uint16_t inflate_error_ = 0;
};

}  // namespace atrium
