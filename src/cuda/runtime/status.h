// Converts errors of CUDA to the library's.
#pragma once
#include <cuda_runtime_api.h>

#include <string>

#include "scorematch/error.h"

namespace scorematch::cuda {

/// The end of every out_of_memory message.
constexpr const char* kMemoryRemedy = "; free device memory, or make the plans for a smaller max_batch";

/// Throws the error of a status that is not success: its name and what it means.
[[noreturn]] void fail(ErrorCode code, const char* doing, const std::string& name, const std::string& text);

/// @param doing the operation, for the message @throws Error out_of_memory, device_unavailable or device_fault
void check(cudaError_t status, const char* doing);
inline void check_launch(int status, const char* kernel) { check(static_cast<cudaError_t>(status), kernel); }

}  // namespace scorematch::cuda
