#pragma once

#include <memory>
#include <utility>

namespace atrium {

// Holds a value that most of its owners never have. It is no more than a null pointer until the value is changed for
// the first time.
template <typename T>
class Rare {
 public:
  // Returns the value as it is; before it is made, a default one stands for it.
  const T& operator*() const { return value_ == nullptr ? Default() : *value_; }
  const T* operator->() const { return &**this; }

  // Makes the value if there is none yet, and gives it out to be changed.
  T& Get() { return value_ == nullptr ? *(value_ = std::make_unique<T>()) : *value_; }
  // Returns null before the value is made.
  const T* get() const { return value_.get(); }
  bool made() const { return value_ != nullptr; }
  // Moves the value out, or a default one if none was made; nothing is held afterwards.
  T Take() {
    const std::unique_ptr<T> taken = std::move(value_);
    return taken == nullptr ? T() : std::move(*taken);
  }
  void Reset() { value_ = nullptr; }

 private:
  static const T& Default() {
    static const T& value = *new T();
    return value;
  }

  std::unique_ptr<T> value_;
};

}  // namespace atrium
