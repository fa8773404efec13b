#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "server/wire/deflate.h"
#include "tests/bench/loop.h"

namespace atrium::bench {

// How far a client goes when it opens.
enum class Opening {
  kConnect,            // a TCP connection that says nothing
  kWebSocket,          // the WebSocket handshake of /ws
  kDeflatedWebSocket,  // the same, with permessage-deflate
  kGroup,              // tells the bare sender its group; WebSocket frames follow without a handshake
};

// A WebSocket client of the load generator: what it sends is small, what it reads is cut into frames.
class Client final : public Loop::Handler {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    virtual void OnOpen(Client& client) = 0;
    // Unpacked, if it came compressed.
    virtual void OnText(Client& client, absl::string_view text) = 0;
    virtual void OnClosed(Client& client) = 0;
  };

  // `group` is the room it belongs to, for the owner; `port` is on 127.0.0.1.
  Client(Loop& loop, Events& events, uint16_t port, Opening opening, int group);
  ~Client() override;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  int group() const { return group_; }
  bool closed() const { return fd_ < 0; }
  // Of the text that is being handed over, as it came: with its header.
  int64_t frame_bytes() const { return frame_bytes_; }

  // `frames` are whole frames, as MaskedText makes them.
  void Send(absl::string_view frames);

 private:
  enum class State { kConnecting, kUpgrading, kOpen };

  void OnReady(uint32_t events) override;
  void OnConnected();
  void ReadSome();
  // Returns how much of `bytes` was taken.
  size_t Take(absl::string_view bytes);
  size_t TakeFrame(absl::string_view bytes);
  void Close();

  Loop& loop_;
  Events& events_;
  const Opening opening_;
  const int group_;
  int fd_ = -1;
  State state_ = State::kConnecting;
  std::string incomplete_;
  int64_t frame_bytes_ = 0;
  Inflater inflater_;
};

// A frame of less than 64 KiB as a client sends it, under a mask of zeros; `head` is its first byte (RFC 6455 section
// 5.2). And one that is a text message.
std::string MaskedFrame(uint8_t head, absl::string_view payload);
std::string MaskedText(absl::string_view text);

// As many files as the system lets this process open.
void RaiseFileLimit();

}  // namespace atrium::bench
