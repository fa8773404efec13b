#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace atrium {

// A connection to 127.0.0.1 that blocks, with deadlines. One thread at a time.
class TcpSocket {
 public:
  // `receive_buffer`: the kernel's, in bytes; 0 for its default.
  explicit TcpSocket(uint16_t port, int receive_buffer = 0);
  ~TcpSocket();
  TcpSocket(const TcpSocket&) = delete;
  TcpSocket& operator=(const TcpSocket&) = delete;

  bool connected() const { return connected_; }

  // False if the other side is gone, or takes nothing for 10 seconds.
  bool Send(absl::string_view bytes);

  // Appends what comes next. False at the end of the connection and at the deadline.
  bool Receive(std::string& bytes, absl::Time deadline);

  // The other side has ended the connection, by its end or a reset.
  bool ended() const { return ended_; }

  void ShutdownSend();

 private:
  const int fd_;
  bool connected_ = false;
  bool ended_ = false;
};

}  // namespace atrium
