// The product itself, by plain loops in double. Reports uninitialized inputs.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "ptx/cublaslt/matmul.h"
#include "ptx/runtime/exported.h"

namespace ptx::cublaslt {
namespace {

std::uint32_t bits_of(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

float float_of(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// Rounds ties away from zero.
float to_tf32(float value) {
  const std::uint32_t bits = bits_of(value);
  const bool finite = (bits & 0x7F800000u) != 0x7F800000u;
  return finite ? float_of((bits + 0x1000u) & 0xFFFFE000u) : value;
}

/// Rounds ties to even.
std::uint16_t to_bf16(float value) {
  const std::uint32_t bits = bits_of(value);
  if (value != value) return 0x7FFF;
  return static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

float load(const void* data, cudaDataType_t type, std::size_t i) {
  if (type == CUDA_R_16BF) {
    std::uint16_t bits;
    std::memcpy(&bits, static_cast<const char*>(data) + 2 * i, sizeof bits);
    return float_of(std::uint32_t{bits} << 16);
  }
  float value;
  std::memcpy(&value, static_cast<const char*>(data) + 4 * i, sizeof value);
  return value;
}

void store(void* data, const Layout& layout, std::size_t i, float value) {
  const std::size_t bytes = layout.element_bytes();
  char* const at = static_cast<char*>(data) + i * bytes;
  unsigned char* const written = emulator_memory(at, bytes);
  if (written == nullptr) {
    say("D is out of bounds");
    std::abort();
  }
  std::memset(written, 1, bytes);
  const std::uint16_t half = to_bf16(value);
  std::memcpy(at, layout.type == CUDA_R_16BF ? static_cast<const void*>(&half) : &value, bytes);
}

void check_operand(const char* name, const void* data, const Layout& layout) {
  const unsigned char* const written = emulator_memory(data, layout.bytes());
  const std::uint64_t column_bytes = layout.rows * layout.element_bytes();
  for (std::uint64_t column = 0; written != nullptr && column < layout.columns; ++column) {
    const unsigned char* const begin = written + layout.index(0, column) * layout.element_bytes();
    if (std::memchr(begin, 0, column_bytes) == nullptr) continue;
    emulator_report_unwritten((std::string("cublasLt: an uninitialized operand: ") + name).c_str());
    return;
  }
}

/// The rows of op(A), or the columns of op(B), one after another: [outer, depth].
std::vector<float> packed(const Layout& layout, const void* data, bool depth_is_rows, bool rounds_to_tf32) {
  const std::uint64_t outer = depth_is_rows ? layout.columns : layout.rows;
  const std::uint64_t depth = depth_is_rows ? layout.rows : layout.columns;
  std::vector<float> values(outer * depth);
  for (std::uint64_t i = 0; i < outer; ++i)
    for (std::uint64_t k = 0; k < depth; ++k) {
      const float value = load(data, layout.type, depth_is_rows ? layout.index(k, i) : layout.index(i, k));
      values[i * depth + k] = rounds_to_tf32 ? to_tf32(value) : value;
    }
  return values;
}

double dot(const float* x, const float* y, std::uint64_t count) {
  double sum = 0;
  for (std::uint64_t k = 0; k < count; ++k) sum += static_cast<double>(x[k]) * static_cast<double>(y[k]);
  return sum;
}

}  // namespace

void say(const std::string& text) { std::fprintf(stderr, "emulator: cublasLt: %s\n", text.c_str()); }

void Product::compute() const {
  check_operand("A", a_data, a);
  check_operand("B", b_data, b);
  if (beta != 0) check_operand("C, and beta is not 0", d_data, d);

  const bool tf32 = operation.compute == CUBLAS_COMPUTE_32F_FAST_TF32;
  const std::vector<float> left = packed(a, a_data, operation.a != CUBLAS_OP_N, tf32);
  const std::vector<float> right = packed(b, b_data, operation.b == CUBLAS_OP_N, tf32);
  for (std::uint64_t column = 0; column < d.columns; ++column)
    for (std::uint64_t row = 0; row < d.rows; ++row) {
      const std::size_t i = d.index(row, column);
      double sum = dot(&left[row * depth()], &right[column * depth()], depth()) * static_cast<double>(alpha);
      if (beta != 0) sum += static_cast<double>(beta * load(d_data, d.type, i));
      if (operation.epilogue == CUBLASLT_EPILOGUE_BIAS)
        sum += static_cast<double>(load(operation.bias, static_cast<cudaDataType_t>(operation.bias_type), row));
      store(d_data, d, i, static_cast<float>(sum));
    }
}

}  // namespace ptx::cublaslt
