// Converts errors of CUDA and cuBLASLt to the library's.
#pragma once
#include <cublasLt.h>
#include <cuda_runtime_api.h>

namespace scorematch::cuda {

/// The end of every out_of_memory message.
constexpr const char* kMemoryRemedy = "; free device memory, or make the plans for a smaller max_batch";

/// @param doing the operation, for the message @throws Error out_of_memory, device_unavailable or device_fault
void check(cudaError_t status, const char* doing);
void check(cublasStatus_t status, const char* doing);
inline void check_launch(int status, const char* kernel) { check(static_cast<cudaError_t>(status), kernel); }

}  // namespace scorematch::cuda
