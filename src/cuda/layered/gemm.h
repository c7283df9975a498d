// Row-major matrix products by cuBLASLt. Their algorithms are chosen when a plan is made.
#pragma once
#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <tuple>

#include "cuda/runtime/cublas_lt.h"
#include "engine/backend.h"

namespace scorematch::cuda {

/// The products of a layer with weights W [out, in]: forward (apply), input gradient (pull), weight gradient
/// (gradient).
///
///   apply     c [rows, out] = a [rows, in] W^T                a: activations, b: W
///   pull      c [rows, in] = a [rows, out] W                  a: output gradients, b: W
///   gradient  c [out, in] += a [rows, out]^T b [rows, in]     a: output gradients, b: activations
struct Gemm {
  enum class Kind { forward, input_gradient, weight_gradient };
  Kind kind = Kind::forward;
  std::int64_t rows = 0;
  int in = 0, out = 0;
  bool add = false;           // adds to c; always for a weight gradient
  bool float_output = false;  // c is float, whatever a and b are; always for a weight gradient
  bool bias = false;          // apply: + bias [out], in the epilogue

  bool operator<(const Gemm& b) const { return key() < b.key(); }

 private:
  std::tuple<Kind, std::int64_t, int, int, bool, bool, bool> key() const {
    return {kind, rows, in, out, add, float_output, bias};
  }
};

struct GemmArrays {
  const void *a = nullptr, *b = nullptr;
  void* c = nullptr;
  const float* bias = nullptr;
};

class Gemms {
 public:
  /// @param cublas outlives this @param capability of the device: 10 major + minor
  Gemms(const CublasLt& cublas, Precision precision, int capability)
      : cublas_(&cublas), precision_(precision), workspace_bytes_(capability >= 90 ? 32 << 20 : 8 << 20) {}

  /// The size that cuBLAS recommends for the device.
  std::size_t workspace_bytes() const { return workspace_bytes_; }

  /// Chooses an algorithm that sums in a fixed order. @throws Error unsupported
  void prepare(const Gemm& gemm);
  /// Runs all prepared products on zeros, and waits. cuBLASLt loads a kernel when it is first run. Loading may wait and
  /// allocate, so it may fail while a stream is being captured.
  void load(Engine::Impl& engine) const;
  /// Enqueues a prepared product. Arrays are aligned to 256 bytes. @param workspace of workspace_bytes()
  void run(const Gemm& gemm, const GemmArrays& arrays, void* workspace, cudaStream_t stream) const;

 private:
  void run(const Gemm& gemm, const GemmArrays& arrays, void* workspace, std::size_t workspace_bytes,
           cudaStream_t stream) const;

  struct Algorithm {
    cublasLtMatmulAlgo_t algorithm;
    std::size_t workspace_bytes;  // that it needs, at most those of Gemms
  };

  const CublasLt* cublas_;
  Precision precision_;
  std::size_t workspace_bytes_;
  std::map<Gemm, Algorithm> algorithms_;
};

}  // namespace scorematch::cuda
