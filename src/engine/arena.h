// Carves typed arrays out of one block. Without a block it only counts, so the same code computes the size and lays out
// the arrays.
#pragma once
#include <cstddef>

namespace scorematch {

/// Arrays are aligned to `kAlignment` bytes if the block is.
template <std::size_t kAlignment>
class ArenaOf {
 public:
  explicit ArenaOf(char* block = nullptr) : block_(block) {}

  template <class T>
  T* take(std::size_t count) {
    T* array = block_ == nullptr ? nullptr : reinterpret_cast<T*>(block_ + used_);
    used_ += (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    return array;
  }
  std::size_t used() const { return used_; }

 private:
  char* block_;
  std::size_t used_ = 0;
};

using Arena = ArenaOf<64>;         // a cache line, and the widest vector
using DeviceArena = ArenaOf<256>;  // the alignment of cudaMalloc, which cuBLASLt relies on

}  // namespace scorematch
