// cuBLASLt, opened when a cuda engine is made, so that a program starts without it: where CUDA is not installed, and
// without the memory that loading it takes.
#pragma once
#include <cublasLt.h>

#include "cuda/runtime/device.h"

namespace scorematch::cuda {

/// The library on one device, for an engine.
class CublasLt {
 public:
  /// What the engine calls. The inline functions of the header, such as cublasLtMatmulDescInit(), call those that are
  /// named *_internal.
  struct Functions {
    decltype(&cublasLtCreate) create;
    decltype(&cublasLtDestroy) destroy;
    decltype(&cublasLtGetStatusName) status_name;
    decltype(&cublasLtGetStatusString) status_string;
    decltype(&cublasLtMatmulDescInit_internal) init_operation;
    decltype(&cublasLtMatmulDescSetAttribute) set_operation;
    decltype(&cublasLtMatrixLayoutInit_internal) init_layout;
    decltype(&cublasLtMatmulPreferenceInit_internal) init_preference;
    decltype(&cublasLtMatmulPreferenceSetAttribute) set_preference;
    decltype(&cublasLtMatmulAlgoGetHeuristic) choose_algorithm;
    decltype(&cublasLtMatmul) multiply;
  };

  /// Opens the library, of the major version that the build had.
  /// @throws Error device_unavailable, with the name of the library and the remedy, if it is not found
  explicit CublasLt(const Device& device);
  CublasLt(const CublasLt&) = delete;
  CublasLt& operator=(const CublasLt&) = delete;
  ~CublasLt();

  const Functions* operator->() const { return &functions_; }
  cublasLtHandle_t handle() const { return handle_; }
  /// @param doing the operation, for the message @throws Error out_of_memory or device_fault
  void check(cublasStatus_t status, const char* doing) const;

 private:
  const Device& device_;
  Functions functions_;
  cublasLtHandle_t handle_ = nullptr;
};

}  // namespace scorematch::cuda
