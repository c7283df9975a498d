#include "cuda/runtime/status.h"

namespace scorematch::cuda {
namespace {

ErrorCode code_of(cudaError_t status) {
  switch (static_cast<int>(status)) {  // most CUDA errors are not listed here
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

void fail(ErrorCode code, const char* doing, const std::string& name, const std::string& text) {
  throw Error(code, "",
              std::string(doing) + ": expected success, got " + name + " (" + text + ")" +
                  (code == ErrorCode::out_of_memory ? kMemoryRemedy : ""));
}

void check(cudaError_t status, const char* doing) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // otherwise, the next call would report it again
  fail(code_of(status), doing, cudaGetErrorName(status), cudaGetErrorString(status));
}

}  // namespace scorematch::cuda
