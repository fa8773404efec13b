#pragma once

#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <memory>
#include <utility>

namespace atrium {

// The descriptor of a TCP connection, which is closed with its owner, and whose connection it is. Nobody watches it:
// whoever gets it tells SocketPoller or Asio about it. It does not block. One thread at a time may use it.
class Socket {
 public:
  using Endpoint = boost::asio::ip::tcp::endpoint;
  // What the connection holds while it counts against a limit; null if it counts against none.
  using Place = std::shared_ptr<const void>;

  Socket(int descriptor, const Endpoint& peer) : descriptor_(descriptor), peer_(peer) {}
  ~Socket() { Close(); }
  Socket(Socket&& other) noexcept
      : descriptor_(other.Release()), peer_(std::move(other.peer_)), place_(std::move(other.place_)) {}
  Socket& operator=(Socket&& other) noexcept {
    Close();
    descriptor_ = other.Release();
    peer_ = other.peer_;
    place_ = std::move(other.place_);
    return *this;
  }

  bool open() const { return descriptor_ >= 0; }
  // Returns -1 if it is closed.
  int descriptor() const { return descriptor_; }
  const Endpoint& peer() const { return peer_; }

  void set_place(Place place) { place_ = std::move(place); }
  // Gives its place to the caller, who holds it for as long as the connection counts.
  Place TakePlace() { return std::exchange(place_, nullptr); }

  // Gives the descriptor to the caller, who closes it.
  int Release() { return std::exchange(descriptor_, -1); }
  void Close() {
    if (open()) close(Release());
  }

 private:
  int descriptor_;
  Endpoint peer_;
  Place place_;
};

// Returns how many bytes that were written to a TCP socket the kernel still has: those that the other side has not
// acknowledged. 0 if the kernel does not say.
size_t UnacknowledgedBytes(int descriptor);

}  // namespace atrium
