/// @file
/// Owned engine memory.
#pragma once
#include <cstdint>
#include <memory>
#include <utility>

#include "scorematch/view.h"

namespace scorematch {

/// Move-only array of T in engine memory, of fixed size. Engine::allocate and Engine::upload make it. It converts to a
/// view of all its elements. The host may read and write data() only with the reference and cpu engines.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer moved(std::move(other));
    swap(moved);
    return *this;
  }

  T* data() noexcept { return static_cast<T*>(memory_.get()); }
  const T* data() const noexcept { return static_cast<const T*>(memory_.get()); }
  const Shape& shape() const noexcept { return shape_; }
  std::int64_t size() const { return shape_.count(); }

  operator View() & { return {data(), shape_}; }
  operator ConstView() const& { return {data(), shape_}; }
  operator ConstView() const&& = delete;  // enqueued work would outlive it
  View samples(std::int64_t first, std::int64_t count) { return View(*this).samples(first, count); }
  ConstView samples(std::int64_t first, std::int64_t count) const { return ConstView(*this).samples(first, count); }

 private:
  friend class Engine;
  Buffer(std::shared_ptr<void> memory, const Shape& shape) : memory_(std::move(memory)), shape_(shape) {}
  void swap(Buffer& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(shape_, other.shape_);
  }
  std::shared_ptr<void> memory_;  // its deleter keeps the engine alive
  Shape shape_;
};

}  // namespace scorematch
