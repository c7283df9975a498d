#include "cuda/runtime/cublas_lt.h"

#include <string>

#include "cuda/runtime/required_library.h"
#include "cuda/runtime/status.h"

namespace scorematch::cuda {
namespace {

CublasLt::Functions open() {
  const std::string version = std::to_string(CUBLAS_VER_MAJOR);
  const RequiredLibrary library("libcublasLt.so." + version, "device",
                                "install cuBLAS of CUDA " + version +
                                    ", or start the program with its folder in LD_LIBRARY_PATH, or use Engine::cpu()");
  CublasLt::Functions found;
  library.find("cublasLtCreate", found.create);
  library.find("cublasLtDestroy", found.destroy);
  library.find("cublasLtGetStatusName", found.status_name);
  library.find("cublasLtGetStatusString", found.status_string);
  library.find("cublasLtMatmulDescInit_internal", found.init_operation);
  library.find("cublasLtMatmulDescSetAttribute", found.set_operation);
  library.find("cublasLtMatrixLayoutInit_internal", found.init_layout);
  library.find("cublasLtMatmulPreferenceInit_internal", found.init_preference);
  library.find("cublasLtMatmulPreferenceSetAttribute", found.set_preference);
  library.find("cublasLtMatmulAlgoGetHeuristic", found.choose_algorithm);
  library.find("cublasLtMatmul", found.multiply);
  return found;
}

}  // namespace

CublasLt::CublasLt(const Device& device) : device_(device), functions_(open()) {
  const UseDevice use(device);
  check(functions_.create(&handle_), "starting cuBLASLt");
}

CublasLt::~CublasLt() {
  if (device_.is_of_this_process()) functions_.destroy(handle_);
}

void CublasLt::check(cublasStatus_t status, const char* doing) const {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  fail(status == CUBLAS_STATUS_ALLOC_FAILED ? ErrorCode::out_of_memory : ErrorCode::device_fault, doing,
       functions_.status_name(status), functions_.status_string(status));
}

}  // namespace scorematch::cuda
