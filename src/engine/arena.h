// Carves typed arrays out of one block. With no block it only counts, so that what is asked for and what is used are
// one code.
#pragma once
#include <cstddef>

namespace scorematch {

/// Arrays are aligned to `kAlignment` bytes, as far as the block is.
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
using DeviceArena = ArenaOf<256>;  // as cudaMalloc aligns: what cuBLASLt counts on

}  // namespace scorematch
