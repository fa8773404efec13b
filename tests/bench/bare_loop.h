#pragma once

#include <cstdint>
#include <string>

namespace atrium::bench {

// What the bare servers share: an epoll loop on a free port of 127.0.0.1, whose connections neither block nor wait for
// more to send. One thread.
class BareLoop {
 public:
  // One connection; whoever derives from this adds to it. It stays until its file is closed.
  struct Peer {
    int fd;
  };

  BareLoop();
  virtual ~BareLoop() = default;
  BareLoop(const BareLoop&) = delete;
  BareLoop& operator=(const BareLoop&) = delete;

  uint16_t port() const { return port_; }
  [[noreturn]] void Run();

 protected:
  // The peer of a new connection.
  virtual Peer& OnAccept(int fd) = 0;
  virtual void OnReadable(Peer& peer) = 0;
  // All that were ready have been read.
  virtual void OnTurnEnd() = 0;

 private:
  void Accept();

  const int epoll_;
  const int listener_;
  uint16_t port_ = 0;
};

// A server's text frame of less than 64 KiB.
std::string TextFrame(const std::string& text);

}  // namespace atrium::bench
