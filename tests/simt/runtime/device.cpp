// The machine: devices, versions, errors; and what tests ask of the stand-in.
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "simt/host.h"
#include "simt/runtime/state.h"

namespace simt::runtime {
namespace {

/// A kernel that has not been loaded would be loaded here, which may fail during capture.
int enqueue_launch(CUstream_st* stream, const void* kernel, std::function<int()> launch) {
  SIMT_CALL(cudaErrorLaunchOutOfResources);
  if (state().loaded.count({current_device(), kernel}) == 0)
    throw std::logic_error("launch of a kernel that was not loaded when its plan was made");
  return failed(enqueue(stream, std::move(launch)));
}

int load_kernel(const void* kernel) {
  SIMT_CALL(cudaErrorUnknown);
  if (!state().machine.image) return failed(cudaErrorNoKernelImageForDevice);
  // A loaded kernel needs memory, and so does the context that it is loaded into.
  if (state().bytes_in_use >= state().machine.memory) return failed(cudaErrorMemoryAllocation);
  state().loaded.emplace(current_device(), kernel);
  return cudaSuccess;
}

/// The check that CUDA makes before anything else.
cudaError_t driver_error() {
  const Machine& machine = state().machine;
  if (machine.driver == 0) return cudaErrorInsufficientDriver;
  if (machine.driver < CUDART_VERSION / 1000 * 1000) return cudaErrorInsufficientDriver;
  return machine.devices == 0 ? cudaErrorNoDevice : cudaSuccess;
}

}  // namespace

std::recursive_mutex& lock() {
  static std::recursive_mutex mutex;
  return mutex;
}

State& state() {
  static State it = [] {
    set_hooks(&enqueue_launch, &load_kernel);
    State fresh;
    const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
    if (visible != nullptr && *visible == 0) fresh.machine.devices = 0;
    return fresh;
  }();
  return it;
}

int& current_device() {
  thread_local int device = 0;
  return device;
}

cudaError_t& last_error() {
  thread_local cudaError_t error = cudaSuccess;
  return error;
}

cudaError_t failed(cudaError_t error) {
  if (error != cudaSuccess) last_error() = error;
  return error;
}

bool is_chosen(const char* call) {
  State& s = state();
  if (++s.calls != s.fail_at) return false;
  s.has_failed = true;
  s.failed_call = call;
  return true;
}

void start(const Machine& machine) {
  if (!live().empty()) throw std::logic_error("not released: " + live());
  state() = State();
  state().machine = machine;
  current_device() = 0;
  last_error() = cudaSuccess;
}

int calls() { return state().calls; }
void fail_call(int n) { state().fail_at = n == 0 ? 0 : state().calls + n, state().has_failed = false; }
bool has_failed() { return state().has_failed; }
std::string failed_call() { return state().failed_call; }

std::string live() {
  const State& s = state();
  std::string text;
  const auto add = [&](const char* what, std::size_t count) {
    if (count > 0) text += (text.empty() ? "" : ", ") + std::string(what) + " " + std::to_string(count);
  };
  add("allocations", s.memory.size());
  add("streams", s.streams.size());
  add("graphs", s.graphs.size());
  add("executable graphs", s.executables.size());
  add("cuBLASLt handles", static_cast<std::size_t>(s.handles));
  return text;
}

std::size_t bytes_in_use() { return state().bytes_in_use; }
int enqueued() { return state().enqueued; }
int waits() { return state().waits; }

}  // namespace simt::runtime

using namespace simt::runtime;

extern "C" {

cudaError_t cudaRuntimeGetVersion(int* version) {
  SIMT_CALL(cudaErrorUnknown);
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  SIMT_CALL(cudaErrorUnknown);
  *version = state().machine.driver;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  SIMT_CALL(cudaErrorUnknown);
  *count = 0;
  if (const cudaError_t error = driver_error(); error != cudaSuccess) return failed(error);
  *count = state().machine.devices;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  SIMT_CALL(cudaErrorUnknown);
  *device = current_device();
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  SIMT_CALL(cudaErrorDevicesUnavailable);
  if (device < 0 || device >= state().machine.devices) return failed(cudaErrorInvalidDevice);
  current_device() = device;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  SIMT_CALL(cudaErrorUnknown);
  if (device < 0 || device >= state().machine.devices) return failed(cudaErrorInvalidDevice);
  std::memset(properties, 0, sizeof *properties);
  std::strcpy(properties->name, "stand-in");
  properties->uuid.bytes[15] = static_cast<char>(device);
  properties->major = state().machine.capability / 10;
  properties->minor = state().machine.capability % 10;
  properties->multiProcessorCount = 4;
  properties->sharedMemPerBlockOptin = 227 * 1024;
  properties->totalGlobalMem = state().machine.memory;
  return cudaSuccess;
}

cudaError_t cudaGetLastError() {
  const cudaError_t error = last_error();
  last_error() = cudaSuccess;
  return error;
}

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorStreamCaptureUnsupported:
      return "cudaErrorStreamCaptureUnsupported";
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
    default:
      return "another error";
  }
}

/// For a failed launch, the executor's report.
const char* cudaGetErrorString(cudaError_t error) {
  if (error != cudaErrorLaunchFailure || simt::session().errors.empty()) return cudaGetErrorName(error);
  return simt::session().errors.front().c_str();
}

cudaError_t cudaDeviceSynchronize() {
  SIMT_CALL(cudaErrorUnknown);
  if (is_any_captured()) return failed(forbidden_by_capture());
  ++state().waits;
  drain_all();
  return failed(state().fault);
}
}
