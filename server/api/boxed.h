#pragma once

#include <memory>
#include <utility>

namespace atrium {

// A protobuf message on its way through callbacks: to move it costs a pointer, where protobuf makes another message and
// swaps all fields. An empty one takes no memory until it is written to. One thread at a time may use it.
template <typename Message>
class Boxed {
 public:
  Boxed() = default;
  Boxed(Message message) : message_(std::make_unique<Message>(std::move(message))) {}  // NOLINT: it is that message.
  explicit Boxed(std::unique_ptr<Message> message) : message_(std::move(message)) {}

  const Message& operator*() const { return message_ == nullptr ? Message::default_instance() : *message_; }
  const Message* operator->() const { return &**this; }
  Message& operator*() {
    if (message_ == nullptr) message_ = std::make_unique<Message>();
    return *message_;
  }
  Message* operator->() { return &**this; }

  // Gives away what it holds; it is empty then.
  std::unique_ptr<Message> Release() { return message_ == nullptr ? std::make_unique<Message>() : std::move(message_); }

 private:
  std::unique_ptr<Message> message_;
};

}  // namespace atrium
