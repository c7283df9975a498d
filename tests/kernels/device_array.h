// Arrays in the device memory of the executor, which guards them on both sides and poisons them until they are written.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "launchers.h"
#include "simt/host.h"

namespace scorematch {
namespace kernels {

/// A digest of the content of all device arrays at their destruction, to check that two runs are bit-identical.
inline std::uint64_t& digest() {
  static std::uint64_t value = 0;
  return value;
}

template <class T>
class DeviceArray {
 public:
  /// Not initialized: the executor reports reads that no kernel has written.
  explicit DeviceArray(std::size_t count)
      : count_(count), data_(static_cast<T*>(simt::device_malloc(count * sizeof(T)))) {}
  explicit DeviceArray(const std::vector<T>& host) : DeviceArray(host.size()) {
    if (!host.empty()) simt::device_copy(data_, host.data(), count_ * sizeof(T));
  }
  DeviceArray(DeviceArray&& other) noexcept
      : count_(std::exchange(other.count_, 0)), data_(std::exchange(other.data_, nullptr)) {}
  DeviceArray& operator=(DeviceArray&&) = delete;
  ~DeviceArray() {
    if (data_ == nullptr) return;
    const auto* bytes = reinterpret_cast<const unsigned char*>(data_);
    for (std::size_t i = 0; i < count_ * sizeof(T); ++i) digest() = (digest() ^ bytes[i]) * 0x100000001B3u;  // FNV-1a
    simt::device_free(data_);
  }

  T* data() const { return data_; }
  std::size_t size() const { return count_; }
  std::vector<T> read() const {
    std::vector<T> host(count_);
    if (count_ > 0) std::memcpy(host.data(), data_, count_ * sizeof(T));
    return host;
  }

 private:
  std::size_t count_;
  T* data_;
};

inline float widen(std::uint16_t bits) {
  const std::uint32_t word = std::uint32_t{bits} << 16;
  float value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

inline std::uint16_t narrow(float value) {  // to nearest, ties to even; only for finite values
  std::uint32_t word;
  std::memcpy(&word, &value, sizeof word);
  return static_cast<std::uint16_t>((word + 0x7FFFu + (word >> 16 & 1u)) >> 16);
}

/// An array of the compute type, accessed as floats.
class ElementArray {
 public:
  ElementArray(Element element, std::size_t count)
      : element_(element), count_(count), words_(count * (element == Element::bf16 ? 2 : 4)) {}
  /// Rounds the values to the type; read() returns the rounded values.
  ElementArray(Element element, const std::vector<float>& host) : ElementArray(element, host.size()) {
    std::vector<std::uint16_t> halves;
    if (element == Element::bf16)
      for (const float each : host) halves.push_back(narrow(each));
    if (host.empty()) return;
    simt::device_copy(words_.data(), halves.empty() ? static_cast<const void*>(host.data()) : halves.data(),
                      words_.size());
  }
  void* data() const { return words_.data(); }
  std::vector<float> read() const {
    std::vector<float> host(count_);
    for (std::size_t i = 0; i < count_; ++i)
      if (element_ == Element::bf16) {
        std::uint16_t half;
        std::memcpy(&half, words_.data() + 2 * i, 2);
        host[i] = widen(half);
      } else {
        std::memcpy(&host[i], words_.data() + 4 * i, 4);
      }
    return host;
  }
  /// The unit roundoff of the type: 8 or 24 bits of precision.
  static double rounding(Element element) { return element == Element::bf16 ? 0x1p-8 : 0x1p-24; }

 private:
  Element element_;
  std::size_t count_;
  DeviceArray<unsigned char> words_;
};

}  // namespace kernels
}  // namespace scorematch
