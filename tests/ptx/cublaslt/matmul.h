// The contents of cuBLASLt's opaque structures. The structures are the caller's memory, so values are copied in and
// out.
#pragma once
#include <cublasLt.h>

#include <cstdint>
#include <cstring>
#include <string>

namespace ptx::cublaslt {

struct Operation {
  cublasComputeType_t compute;
  cublasOperation_t a = CUBLAS_OP_N, b = CUBLAS_OP_N;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  std::int32_t bias_type = -1;  // a cudaDataType_t; -1: not set
  const void* bias = nullptr;
};

/// Column-major, as in cuBLAS.
struct Layout {
  cudaDataType_t type;
  std::uint64_t rows, columns;
  std::int64_t ld;

  std::size_t element_bytes() const { return type == CUDA_R_16BF ? 2 : 4; }
  std::size_t bytes() const { return ((columns - 1) * static_cast<std::uint64_t>(ld) + rows) * element_bytes(); }
  std::size_t index(std::uint64_t row, std::uint64_t column) const {
    return column * static_cast<std::uint64_t>(ld) + row;
  }
};

struct Preference {
  std::uint64_t workspace_bytes = 0;
  std::uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_MASK;
  std::uint32_t alignment[4] = {256, 256, 256, 256};  // of A, B, C and D, in bytes
};

/// What an algorithm was chosen for.
struct Algorithm {
  std::uint64_t workspace_bytes;
  std::uint32_t alignment[4];
};

/// D = alpha op(A) op(B) + beta D, and a bias.
struct Product {
  Operation operation;
  Layout a, b, d;
  const void *a_data, *b_data;
  void* d_data;
  float alpha, beta;

  std::uint64_t depth() const { return operation.a == CUBLAS_OP_N ? a.columns : a.rows; }
  /// Called when the stream reaches the product.
  void compute() const;
};

template <class T, class Opaque>
T get(const Opaque* from) {
  static_assert(sizeof(T) <= sizeof(from->data));
  T value;
  std::memcpy(&value, from->data, sizeof value);
  return value;
}

template <class T, class Opaque>
void put(Opaque* to, const T& value) {
  static_assert(sizeof(T) <= sizeof(to->data));
  std::memcpy(to->data, &value, sizeof value);
}

void say(const std::string& text);

}  // namespace ptx::cublaslt
