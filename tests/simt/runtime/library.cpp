// cuBLASLt and NCCL as the engine opens them: the functions of cublas.cpp and support/nccl.cpp by their names.
#include "cuda/runtime/library.h"

#include <map>

#include "simt/runtime/state.h"
#include "support/nccl.h"

namespace scorematch::cuda {
namespace {

using namespace simt::runtime;

using Function = void (*)();

template <class F>
Function any(F* function) {
  return reinterpret_cast<Function>(function);
}

}  // namespace

void* open_library(const std::string& name, std::string& reason) {
  const std::lock_guard<std::recursive_mutex> guard(lock());
  static char library;
  const bool is_installed = name == "libnccl.so.2" ? state().machine.nccl : state().machine.cublas;
  if (!is_chosen(__func__) && is_installed) return &library;
  reason = name + ": cannot open shared object file";
  return nullptr;
}

void* find_function(void*, const char* name) {
  static const std::map<std::string, Function> all{
      {"cublasLtCreate", any(&cublasLtCreate)},
      {"cublasLtDestroy", any(&cublasLtDestroy)},
      {"cublasLtGetStatusName", any(&cublasLtGetStatusName)},
      {"cublasLtGetStatusString", any(&cublasLtGetStatusString)},
      {"cublasLtMatmulDescInit_internal", any(&cublasLtMatmulDescInit_internal)},
      {"cublasLtMatmulDescSetAttribute", any(&cublasLtMatmulDescSetAttribute)},
      {"cublasLtMatrixLayoutInit_internal", any(&cublasLtMatrixLayoutInit_internal)},
      {"cublasLtMatmulPreferenceInit_internal", any(&cublasLtMatmulPreferenceInit_internal)},
      {"cublasLtMatmulPreferenceSetAttribute", any(&cublasLtMatmulPreferenceSetAttribute)},
      {"cublasLtMatmulAlgoGetHeuristic", any(&cublasLtMatmulAlgoGetHeuristic)},
      {"cublasLtMatmul", any(&cublasLtMatmul)},
      {"ncclGetVersion", any(&ncclGetVersion)},
      {"ncclGetErrorString", any(&ncclGetErrorString)},
      {"ncclGetLastError", any(&ncclGetLastError)},
      {"ncclGetUniqueId", any(&ncclGetUniqueId)},
      {"ncclCommInitRank", any(&ncclCommInitRank)},
      {"ncclCommDestroy", any(&ncclCommDestroy)},
      {"ncclCommAbort", any(&ncclCommAbort)},
      {"ncclCommGetAsyncError", any(&ncclCommGetAsyncError)},
      {"ncclGroupStart", any(&ncclGroupStart)},
      {"ncclGroupEnd", any(&ncclGroupEnd)},
      {"ncclSend", any(&ncclSend)},
      {"ncclRecv", any(&ncclRecv)}};
  const std::lock_guard<std::recursive_mutex> guard(lock());
  const auto found = all.find(name);
  return is_chosen(__func__) || found == all.end() ? nullptr : reinterpret_cast<void*>(found->second);
}

}  // namespace scorematch::cuda
