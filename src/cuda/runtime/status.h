// CUDA's and cuBLASLt's errors as the library's.
#pragma once
#include <cublasLt.h>
#include <cuda_runtime_api.h>

namespace scorematch::cuda {

/// Ends the text of every `out_of_memory`.
constexpr const char* kMemoryRemedy = "; free some of the device's, or make the plans for a smaller max_batch";

/// @throws Error out_of_memory, device_unavailable or device_fault, saying what was being done.
void check(cudaError_t status, const char* doing);
void check(cublasStatus_t status, const char* doing);
inline void check_launch(int status, const char* kernel) { check(static_cast<cudaError_t>(status), kernel); }

}  // namespace scorematch::cuda
