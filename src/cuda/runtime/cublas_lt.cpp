#include "cuda/runtime/cublas_lt.h"

#include <string>

#include "cuda/runtime/library.h"
#include "cuda/runtime/status.h"
#include "scorematch/error.h"

namespace scorematch::cuda {
namespace {

std::string library_name() { return "libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR); }

[[noreturn]] void unavailable(const std::string& expected, const std::string& got) {
  throw Error(ErrorCode::device_unavailable, "device",
              "device: expected " + expected + ", got " + got + "; install cuBLAS of CUDA " +
                  std::to_string(CUBLAS_VER_MAJOR) +
                  ", or start the program with its folder in LD_LIBRARY_PATH, or use Engine::cpu()");
}

template <class Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(find_function(library, name));
  if (function == nullptr) unavailable(library_name() + " with " + name, "one without it");
}

CublasLt::Functions open() {
  std::string reason;
  void* const library = open_library(library_name(), reason);
  if (library == nullptr) unavailable(library_name(), "none (" + reason + ")");
  CublasLt::Functions found;
  find(library, "cublasLtCreate", found.create);
  find(library, "cublasLtDestroy", found.destroy);
  find(library, "cublasLtGetStatusName", found.status_name);
  find(library, "cublasLtGetStatusString", found.status_string);
  find(library, "cublasLtMatmulDescInit_internal", found.init_operation);
  find(library, "cublasLtMatmulDescSetAttribute", found.set_operation);
  find(library, "cublasLtMatrixLayoutInit_internal", found.init_layout);
  find(library, "cublasLtMatmulPreferenceInit_internal", found.init_preference);
  find(library, "cublasLtMatmulPreferenceSetAttribute", found.set_preference);
  find(library, "cublasLtMatmulAlgoGetHeuristic", found.choose_algorithm);
  find(library, "cublasLtMatmul", found.multiply);
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
