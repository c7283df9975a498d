// Arrays over a batch, carved from a queue's scratch memory: dense, of the engine's working type, aligned to 256 bytes.
#pragma once
#include <cstddef>
#include <limits>
#include <string>

#include "checks/argument.h"
#include "engine/backend.h"

namespace scorematch {

class WorkingArrays {
 public:
  WorkingArrays(const Engine& engine, std::int64_t max_batch, int dim)
      : WorkingArrays(engine.impl()->floats == Floats::f32_or_f64 ? DType::f64 : DType::f32, max_batch, dim) {}
  WorkingArrays(DType dtype, std::int64_t max_batch, int dim)
      : in_double_(dtype == DType::f64), max_batch_(max_batch), dim_(dim) {}

  DType dtype() const { return in_double_ ? DType::f64 : DType::f32; }

  /// Bytes of [max_batch, dim], of [max_batch], and of [count, max_batch, dim].
  std::size_t array_bytes() const { return stack_bytes(1); }
  std::size_t value_bytes() const { return aligned(1); }
  std::size_t stack_bytes(int count) const {
    return aligned(static_cast<std::size_t>(count) * static_cast<std::size_t>(dim_));
  }

  /// Taken from the front of `scratch`, which advances.
  View take_array(char*& scratch, std::int64_t batch) const { return take(scratch, {batch, dim_}, array_bytes()); }
  View take_values(char*& scratch, std::int64_t batch) const { return take(scratch, batch, value_bytes()); }
  View take_stack(char*& scratch, int count, std::int64_t batch) const {
    return take(scratch, {count, batch, dim_}, stack_bytes(count));
  }

  /// @throws Error if the bytes of `arrays` arrays [max_batch, dim], and of as many [max_batch], could overflow.
  void check_size(std::int64_t arrays, const char* holder) const {
    const std::int64_t most = std::numeric_limits<std::int64_t>::max() / 2 / arrays / dim_ / 8;
    if (max_batch_ > most)
      throw_invalid("max_batch",
                    "at most " + std::to_string(most) + ", as the " + holder + " needs " + std::to_string(arrays) +
                        " arrays of this size",
                    std::to_string(max_batch_));
  }

 private:
  std::size_t aligned(std::size_t width) const {
    constexpr std::size_t kAlignment = 256;
    const std::size_t bytes =
        static_cast<std::size_t>(max_batch_) * width * (in_double_ ? sizeof(double) : sizeof(float));
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
  }
  View take(char*& scratch, const Shape& shape, std::size_t bytes) const {
    void* const memory = scratch;
    scratch += bytes;
    return in_double_ ? View(static_cast<double*>(memory), shape) : View(static_cast<float*>(memory), shape);
  }

  bool in_double_;
  std::int64_t max_batch_;
  int dim_;
};

/// A view [N] as [N, 1].
inline View column(View values) {
  values.shape = {values.shape.extent[0], 1};
  values.stride[0] = values.stride[1] = 1;
  return values;
}

}  // namespace scorematch
