#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

namespace atrium {

// A blocking connection to 127.0.0.1 that sends what it is told to; reads fail after 10 seconds.
class RawClient {
 public:
  // `receive_buffer`: the kernel's, in bytes; 0 for its default.
  explicit RawClient(uint16_t port, int receive_buffer = 0) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0) setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    const timeval limit{.tv_sec = 10};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~RawClient() { close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }

  // False if the other side is gone.
  bool Send(const std::string& bytes) {
    size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t n = send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += n;
    }
    return true;
  }

  // Up to and with `end`; what there was if the connection ends before.
  std::string ReadUntil(const std::string& end) {
    size_t found = std::string::npos;
    while ((found = received_.find(end)) == std::string::npos) {
      if (!Receive()) return std::exchange(received_, "");
    }
    return Take(found + end.size());
  }

  // One response, by its Content-Length.
  std::string ReadResponse() {
    const std::string head = ReadUntil("\r\n\r\n");
    const size_t header = head.find("Content-Length: ");
    const size_t length = header == std::string::npos ? 0 : std::strtoul(head.c_str() + header + 16, nullptr, 10);
    while (received_.size() < length) {
      if (!Receive()) break;
    }
    return head + Take(std::min(length, received_.size()));
  }

  // A piece of what comes, as it comes; empty at the end.
  std::string ReadSome() {
    if (received_.empty() && !Receive()) return "";
    return std::exchange(received_, "");
  }

  // All until the other side ends; fails the test if it resets the connection or is silent.
  std::string ReadToEnd() {
    while (Receive()) {
    }
    return std::exchange(received_, "");
  }

 private:
  bool Receive() {
    char buffer[4096];
    const ssize_t n = recv(socket_, buffer, sizeof(buffer), 0);
    EXPECT_GE(n, 0) << "the connection was reset or silent";
    if (n <= 0) return false;
    received_.append(buffer, n);
    return true;
  }

  std::string Take(size_t size) {
    std::string taken = received_.substr(0, size);
    received_.erase(0, size);
    return taken;
  }

  const int socket_;
  bool connected_ = false;
  std::string received_;
};

}  // namespace atrium
