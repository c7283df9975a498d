#include "cuda/layered/gemm.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "checks/argument.h"
#include "cuda/runtime/status.h"
#include "scorematch/error.h"

namespace scorematch::cuda {
namespace {

/// A product in cuBLASLt's column-major terms: c is transposed, so a and b change places. Descriptors are on the stack,
/// because threads share plans and the bias pointer is part of a descriptor.
struct Description {
  Description(const CublasLt& cublas_, const Gemm& g, Precision precision, const float* bias) : cublas(cublas_) {
    const bool gradient = g.kind == Gemm::Kind::weight_gradient;
    const cudaDataType_t input = precision == Precision::bf16 ? CUDA_R_16BF : CUDA_R_32F;
    const cudaDataType_t output = gradient || g.float_output ? CUDA_R_32F : input;
    const cublasComputeType_t compute =
        precision == Precision::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    cublas.check(cublas->init_operation(&operation, sizeof operation, compute, CUDA_R_32F),
                 "describing a matrix product");
    const cublasOperation_t first = g.kind == Gemm::Kind::forward ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasOperation_t second = gradient ? CUBLAS_OP_T : CUBLAS_OP_N;
    set(CUBLASLT_MATMUL_DESC_TRANSA, first);
    set(CUBLASLT_MATMUL_DESC_TRANSB, second);
    if (g.bias) {
      set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
      set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, CUDA_R_32F);
      set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
    }
    const auto in = static_cast<std::uint64_t>(g.in), out = static_cast<std::uint64_t>(g.out),
               rows = static_cast<std::uint64_t>(g.rows);
    // cuBLASLt's first operand is our b: the weights [out, in], or the activations [rows, in] of a weight gradient.
    lay_out(&left, input, in, gradient ? rows : out);
    lay_out(&right, input, g.kind == Gemm::Kind::forward ? in : out, rows);
    lay_out(&result, output, g.kind == Gemm::Kind::forward ? out : in, gradient ? out : rows);
  }

  template <class Value>
  void set(cublasLtMatmulDescAttributes_t attribute, const Value& value) {
    cublas.check(cublas->set_operation(&operation, attribute, &value, sizeof value), "describing a matrix product");
  }
  void lay_out(cublasLtMatrixLayoutOpaque_t* layout, cudaDataType_t type, std::uint64_t rows, std::uint64_t columns) {
    cublas.check(cublas->init_layout(layout, sizeof *layout, type, rows, columns, static_cast<std::int64_t>(rows)),
                 "describing a matrix");
  }

  const CublasLt& cublas;
  cublasLtMatmulDescOpaque_t operation;
  cublasLtMatrixLayoutOpaque_t left, right, result;
};

/// Weight gradients always add to c, because they are summed over chunks.
bool adds(const Gemm& g) { return g.add || g.kind == Gemm::Kind::weight_gradient; }

// Bytes, of every array. cuBLASLt assumes this when it chooses an algorithm; chunks, layers and arenas provide it.
constexpr std::uintptr_t kAlignment = 256;

struct Preference {
  Preference(const CublasLt& cublas_, bool gradient, std::uint64_t workspace_bytes) : cublas(cublas_) {
    cublas.check(cublas->init_preference(&preference, sizeof preference), "describing a matrix product's algorithm");
    // Partial sums, if any, go through the workspace and are added in order, never by atomics.
    const std::uint32_t reduction = gradient ? CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE : CUBLASLT_REDUCTION_SCHEME_NONE;
    set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, reduction);
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_bytes);
  }
  template <class Value>
  void set(cublasLtMatmulPreferenceAttributes_t attribute, const Value& value) {
    cublas.check(cublas->set_preference(&preference, attribute, &value, sizeof value),
                 "describing a matrix product's algorithm");
  }
  const CublasLt& cublas;
  cublasLtMatmulPreferenceOpaque_t preference;
};

}  // namespace

void Gemms::prepare(const Gemm& gemm) {
  if (algorithms_.count(gemm) != 0) return;
  Description d(*cublas_, gemm, precision_, reinterpret_cast<const float*>(kAlignment));  // any aligned pointer
  Preference p(*cublas_, gemm.kind == Gemm::Kind::weight_gradient, workspace_bytes_);
  cublasLtMatmulHeuristicResult_t found{};
  int count = 0;
  cublasStatus_t status = (*cublas_)->choose_algorithm(cublas_->handle(), &d.operation, &d.left, &d.right, &d.result,
                                                       &d.result, &p.preference, 1, &found, &count);
  if (status == CUBLAS_STATUS_SUCCESS && count > 0) status = found.state;
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || (status == CUBLAS_STATUS_SUCCESS && count == 0))
    throw Error(ErrorCode::unsupported, "compute.precision",
                "compute.precision: expected one in which cuBLASLt multiplies [" + std::to_string(gemm.rows) + ", " +
                    std::to_string(gemm.in) + "] by [" + std::to_string(gemm.in) + ", " + std::to_string(gemm.out) +
                    "] on this device, got one in which it does not; use fp32");
  cublas_->check(status, "choosing a matrix product's algorithm");
  algorithms_.emplace(gemm, Algorithm{found.algo, found.workspaceSize});
}

void Gemms::load(Engine::Impl& engine) const {
  std::int64_t largest = 0;  // elements of the largest operand
  std::size_t workspace_bytes = 0;
  for (const auto& [gemm, algorithm] : algorithms_) {
    largest = std::max({largest, gemm.rows * gemm.in, gemm.rows * gemm.out, std::int64_t{gemm.in} * gemm.out});
    workspace_bytes = std::max(workspace_bytes, algorithm.workspace_bytes);
  }
  const std::size_t bytes = static_cast<std::size_t>(largest) * sizeof(float);
  const std::shared_ptr<void> zeros = engine.allocate(bytes, Content::zeros);
  const std::shared_ptr<void> result = engine.allocate(bytes, Content::zeros);  // some products add to it
  const std::shared_ptr<void> workspace = engine.allocate(workspace_bytes, Content::anything);
  const GemmArrays arrays{zeros.get(), zeros.get(), result.get(), static_cast<const float*>(zeros.get())};
  for (const auto& [gemm, algorithm] : algorithms_) run(gemm, arrays, workspace.get(), workspace_bytes, nullptr);
  check(cudaStreamSynchronize(nullptr), "loading matrix products");
}

void Gemms::run(const Gemm& gemm, const GemmArrays& arrays, void* workspace, cudaStream_t stream) const {
  run(gemm, arrays, workspace, workspace_bytes_, stream);
}

void Gemms::run(const Gemm& gemm, const GemmArrays& arrays, void* workspace, std::size_t workspace_bytes,
                cudaStream_t stream) const {
  for (const void* each : {arrays.a, arrays.b, static_cast<const void*>(arrays.c)})
    if (reinterpret_cast<std::uintptr_t>(each) % kAlignment != 0)
      throw_invalid("queue.workspace", "memory aligned to 256 bytes", "a smaller alignment");
  Description d(*cublas_, gemm, precision_, arrays.bias);
  const float one = 1.0f, beta = adds(gemm) ? 1.0f : 0.0f;
  cublas_->check((*cublas_)->multiply(cublas_->handle(), &d.operation, &one, arrays.b, &d.left, arrays.a, &d.right,
                                      &beta, arrays.c, &d.result, arrays.c, &d.result, &algorithms_.at(gemm).algorithm,
                                      workspace, workspace_bytes, stream),
                 "enqueueing a matrix product");
}

}  // namespace scorematch::cuda
