// Errors: the last error of a thread, and the error that ends the work of a device.
#include <cstdio>

#include "ptx/runtime/state.h"

namespace ptx::runtime {
namespace {

thread_local cudaError_t last_error = cudaSuccess;

}  // namespace

std::recursive_mutex& lock() {
  static std::recursive_mutex mutex;
  return mutex;
}

void say(const std::string& text) { std::fprintf(stderr, "emulator: %s\n", text.c_str()); }

cudaError_t failed(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

cudaError_t& sticky_error() {
  static cudaError_t error = cudaSuccess;
  return error;
}

}  // namespace ptx::runtime

using namespace ptx::runtime;

extern "C" {

cudaError_t cudaGetLastError() {
  PTX_CALL;
  const cudaError_t error = last_error;
  last_error = sticky_error();
  return error;
}

cudaError_t cudaPeekAtLastError() { return last_error; }

const char* cudaGetErrorName(cudaError_t error) { return error == cudaSuccess ? "cudaSuccess" : "cudaError"; }

const char* cudaGetErrorString(cudaError_t error) {
  static thread_local char text[64];
  std::snprintf(text, sizeof text, "CUDA error %d of the emulator", static_cast<int>(error));
  return text;
}
}
