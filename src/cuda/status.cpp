#include "cuda/status.h"

#include <string>

#include "scorematch/error.h"

namespace scorematch::cuda {
namespace {

ErrorCode code_of(cudaError_t status) {
  switch (status) {
    case cudaErrorMemoryAllocation:
      return ErrorCode::out_of_memory;
    case cudaErrorNoDevice:
    case cudaErrorInsufficientDriver:
    case cudaErrorInvalidDevice:
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorDevicesUnavailable:
    case cudaErrorSystemNotReady:
    case cudaErrorCompatNotSupportedOnDevice:
      return ErrorCode::device_unavailable;
    default:
      return ErrorCode::device_fault;
  }
}

}  // namespace

void check(cudaError_t status, const char* doing) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // or the next call would report it again
  throw Error(code_of(status), "",
              std::string(doing) + ": expected success, got " + cudaGetErrorName(status) + " (" +
                  cudaGetErrorString(status) + ")");
}

void check(cublasStatus_t status, const char* doing) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  const bool memory = status == CUBLAS_STATUS_ALLOC_FAILED;
  throw Error(memory ? ErrorCode::out_of_memory : ErrorCode::device_fault, "",
              std::string(doing) + ": expected success, got " + cublasLtGetStatusName(status) + " (" +
                  cublasLtGetStatusString(status) + ")");
}

}  // namespace scorematch::cuda
