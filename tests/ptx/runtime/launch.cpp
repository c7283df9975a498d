// Launches, and the limits that the runtime enforces.
#include <algorithm>
#include <cstring>

#include "ptx/runtime/kernel.h"
#include "ptx/runtime/report.h"
#include "ptx/runtime/state.h"

namespace ptx::runtime {
namespace {

struct Configuration {
  dim3 grid, block;
  std::size_t shared_bytes;
  cudaStream_t stream;
};

u64 threads_of(const dim3& block) { return u64{block.x} * block.y * block.z; }

/// __launch_bounds__; 0: none.
u64 max_threads(const Function& function) {
  const u32* const bounds = function.maxntid;
  return u64{bounds[0]} * std::max(bounds[1], 1u) * std::max(bounds[2], 1u);
}

/// Why a launch is refused, and the error that it returns.
struct Refusal {
  cudaError_t error = cudaSuccess;
  std::string why;
};

Refusal refusal(const Kernel& kernel, const Configuration& c) {
  const u64 threads = threads_of(c.block);
  if (c.grid.x == 0 || c.grid.y == 0 || c.grid.z == 0 || threads == 0)
    return {cudaErrorInvalidConfiguration, "an empty grid or block"};
  if (c.grid.x > 2147483647u || c.grid.y > 65535 || c.grid.z > 65535)
    return {cudaErrorInvalidConfiguration, "a grid too large"};
  if (c.block.x > 1024 || c.block.y > 1024 || c.block.z > 64 || threads > 1024)
    return {cudaErrorInvalidConfiguration, "a block too large"};
  if (const u64 most = max_threads(kernel.function()); most != 0 && threads > most)
    return {cudaErrorInvalidValue, std::to_string(threads) + " threads, more than __launch_bounds__ allows"};
  if (c.shared_bytes > static_cast<std::size_t>(kernel.max_dynamic_shared))
    return {cudaErrorInvalidValue, std::to_string(c.shared_bytes) +
                                       " bytes of dynamic shared memory, more than cudaFuncSetAttribute allowed (" +
                                       std::to_string(kernel.max_dynamic_shared) + ")"};
  // The padding between static and dynamic shared memory counts too.
  const std::size_t shared_bytes = c.shared_bytes + kernel.program().dynamic_start() - kSharedStart;
  if (shared_bytes > max_shared())
    return {cudaErrorInvalidValue, std::to_string(shared_bytes) + " bytes of shared memory, more than the device has"};
  return {};
}

Launch launch_of(const Kernel& kernel, const Configuration& c, void** arguments) {
  Launch launch;
  launch.program = &kernel.program();
  launch.module = kernel.module;
  launch.grid[0] = c.grid.x, launch.grid[1] = c.grid.y, launch.grid[2] = c.grid.z;
  launch.block[0] = c.block.x, launch.block[1] = c.block.y, launch.block[2] = c.block.z;
  launch.dynamic_shared = static_cast<u32>(c.shared_bytes);
  const Function& function = kernel.function();
  launch.params.resize(function.param_bytes);
  for (std::size_t i = 0; i < function.params.size(); ++i)
    std::memcpy(launch.params.data() + function.params[i].offset, arguments[i], function.params[i].size);
  return launch;
}

cudaError_t launch(const void* host_function, const Configuration& configuration, void** arguments) {
  PTX_CALL;
  const Kernel* const kernel = find_kernel(host_function);
  if (kernel == nullptr) return failed(cudaErrorInvalidDeviceFunction);
  if (const Refusal refused = refusal(*kernel, configuration); refused.error != cudaSuccess) {
    say("launch of " + kernel->name + " refused: " + refused.why);
    return failed(refused.error);
  }
  return enqueue(configuration.stream, [launch = launch_of(*kernel, configuration, arguments)] {
    try {
      const CountedLaunch counted(launch);
      run(launch);
      return cudaSuccess;
    } catch (const Fault& fault) {
      say(std::string("FAULT: ") + fault.what());
      return cudaErrorIllegalAddress;
    }
  });
}

thread_local Configuration pushed;

}  // namespace
}  // namespace ptx::runtime

using namespace ptx::runtime;

extern "C" {

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, std::size_t shared_bytes, void* stream) {
  pushed = {grid, block, shared_bytes, static_cast<cudaStream_t>(stream)};
  return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, std::size_t* shared_bytes, void* stream) {
  *grid = pushed.grid;
  *block = pushed.block;
  *shared_bytes = pushed.shared_bytes;
  *static_cast<cudaStream_t*>(stream) = pushed.stream;
  return cudaSuccess;
}

cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* function) {
  *kernel = reinterpret_cast<cudaKernel_t>(const_cast<void*>(function));
  return cudaSuccess;
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments, std::size_t shared_bytes,
                               cudaStream_t stream) {
  return launch(reinterpret_cast<const void*>(kernel), {grid, block, shared_bytes, stream}, arguments);
}

cudaError_t cudaLaunchKernel(const void* function, dim3 grid, dim3 block, void** arguments, std::size_t shared_bytes,
                             cudaStream_t stream) {
  return launch(function, {grid, block, shared_bytes, stream}, arguments);
}
}
