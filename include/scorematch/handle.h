/// @file
/// Handle: how engines and plans hold what they are made of.
#pragma once
#include <memory>
#include <utility>

namespace scorematch {

/// Shared, and never empty once set: a move copies, so that a plan that has been moved from can still be used.
template <class T>
class Handle {
 public:
  Handle() = default;
  template <class U>
  Handle(std::shared_ptr<U> object) : object_(std::move(object)) {}
  Handle(const Handle&) = default;
  Handle& operator=(const Handle&) = default;

  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_.get(); }

 private:
  std::shared_ptr<T> object_;
};

}  // namespace scorematch
