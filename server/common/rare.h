#pragma once

#include <memory>
#include <utility>

namespace atrium {

// A value that most of its owners never have: no more than a null pointer until it is changed for the first time.
template <typename T>
class Rare {
 public:
  // As it is; before that, as it would be made.
  const T& operator*() const { return value_ == nullptr ? Default() : *value_; }
  const T* operator->() const { return &**this; }

  // To be changed.
  T& Get() { return value_ == nullptr ? *(value_ = std::make_unique<T>()) : *value_; }
  // Null before it is changed.
  const T* get() const { return value_.get(); }
  bool made() const { return value_ != nullptr; }
  // Leaves it as it was before it was changed.
  T Take() {
    const std::unique_ptr<T> taken = std::move(value_);
    return taken == nullptr ? T() : std::move(*taken);
  }
  // As it was before it was changed.
  void Reset() { value_ = nullptr; }

 private:
  static const T& Default() {
    static const T& value = *new T();
    return value;
  }

  std::unique_ptr<T> value_;
};

}  // namespace atrium
