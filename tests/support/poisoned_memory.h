/// @file
/// Memory that reads as NaN until it is written, for stand-ins of a device. Every queue allocates 32 MiB for cuBLASLt,
/// most of which is never written, so large blocks take time and memory only for the pages that are.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace scorematch::testing_support {

constexpr int kPoison = 0xFF;  // in every byte: a NaN in every type
constexpr std::size_t kLargeBlock = std::size_t{1} << 20;

inline std::size_t rounded_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

/// A file in memory with kLargeBlock poisoned bytes. Large blocks map it again and again, and copy a page when it is
/// written.
inline int poisoned_file() {
  static const int file = [] {
    const int made = ::memfd_create("poison", MFD_CLOEXEC);
    if (made < 0 || ::ftruncate(made, kLargeBlock) != 0) std::abort();
    void* const bytes = ::mmap(nullptr, kLargeBlock, PROT_READ | PROT_WRITE, MAP_SHARED, made, 0);
    if (bytes == MAP_FAILED) std::abort();
    std::memset(bytes, kPoison, kLargeBlock);
    ::munmap(bytes, kLargeBlock);
    return made;
  }();
  return file;
}

/// @return null if there is not enough memory @param alignment a power of two, at most 4096
inline char* allocate_poisoned(std::size_t bytes, std::size_t alignment) {
  if (bytes < kLargeBlock) {
    auto* const made = static_cast<char*>(std::aligned_alloc(alignment, rounded_up(bytes, alignment)));
    if (made != nullptr) std::memset(made, kPoison, rounded_up(bytes, alignment));
    return made;
  }
  const std::size_t all = rounded_up(bytes, kLargeBlock);
  void* const made = ::mmap(nullptr, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (made == MAP_FAILED) return nullptr;
  for (std::size_t at = 0; at < all; at += kLargeBlock) {
    char* const here = static_cast<char*>(made) + at;
    if (::mmap(here, kLargeBlock, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, poisoned_file(), 0) != MAP_FAILED)
      continue;
    ::munmap(made, all);
    return nullptr;
  }
  return static_cast<char*>(made);
}

/// @param bytes those of allocate_poisoned
inline void free_poisoned(char* block, std::size_t bytes) {
  if (block == nullptr) return;
  if (bytes >= kLargeBlock) {
    ::munmap(block, rounded_up(bytes, kLargeBlock));
    return;
  }
  std::memset(block, kPoison, bytes);  // a use after this reads NaN
  std::free(block);
}

}  // namespace scorematch::testing_support
