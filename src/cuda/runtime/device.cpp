#include "cuda/runtime/device.h"

#include <atomic>

#include "checks/argument.h"
#include "cuda/runtime/status.h"
#include "engine/process.h"
#include "launchers.h"
#include "scorematch/error.h"

namespace scorematch::cuda {
namespace {

constexpr int kLeastCapability = 80;
constexpr char kForkRemedy[] = "make cuda engines in the children alone, or start processes without fork()";

/// One more than the forks before this process opened its first device; 0 if it has not.
std::atomic<unsigned> first_use{0};

[[noreturn]] void unavailable(const std::string& expected, const std::string& got, const std::string& remedy) {
  cudaGetLastError();
  throw Error(ErrorCode::device_unavailable, "device",
              "device: expected " + expected + ", got " + got + "; " + remedy + ", or use Engine::cpu()");
}

int device_count(int driver, int runtime) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (driver == 0) unavailable("an NVIDIA driver", "none", "install one for CUDA " + version(runtime) + " or later");
  if (status == cudaErrorInsufficientDriver)
    unavailable("a driver for CUDA " + version(runtime) + " or later", "one for " + version(driver), "update it");
  if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0))
    unavailable("a GPU", "none", "check nvidia-smi and CUDA_VISIBLE_DEVICES");
  if (status != cudaSuccess) unavailable("a working driver", cudaGetErrorString(status), "check nvidia-smi");
  return count;
}

std::string describe(const Device& device) {
  return std::to_string(device.capability / 10) + "." + std::to_string(device.capability % 10) + " (" + device.name +
         ")";
}

std::string hexadecimal(const cudaUUID_t& uuid) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char each : uuid.bytes) {
    const auto byte = static_cast<unsigned char>(each);
    text += {kDigits[byte / 16], kDigits[byte % 16]};
  }
  return text;
}

/// Loads the kernels that any plan may launch, so that missing kernels are reported here, not at the first launch. A
/// driver that is older than the PTX cannot load it either.
void load_kernels(const Device& device) {
  const UseDevice use(device);
  const auto status = static_cast<cudaError_t>(kernels::load_common_kernels());
  if (status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction ||
      status == cudaErrorUnsupportedPtxVersion)
    unavailable("a device for which this build has kernels (" SCOREMATCH_CUDA_ARCHITECTURES ")",
                "compute capability " + describe(device),
                "build with -DCMAKE_CUDA_ARCHITECTURES=" + std::to_string(device.capability));
  check(status, "loading kernels");
}

}  // namespace

std::string version(int number) { return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10); }

Device open_device(int index) {
  Device device;
  device.index = index;
  device.forks = fork_count();
  if (const unsigned first = first_use; first != 0 && first != device.forks + 1)
    unavailable("a process whose parent has made no cuda engine", "a child of fork() of one that has", kForkRemedy);
  check(cudaRuntimeGetVersion(&device.runtime), "querying the version of the runtime");
  check(cudaDriverGetVersion(&device.driver), "querying the version of the driver");
  const int count = device_count(device.driver, device.runtime);
  first_use = device.forks + 1;
  if (index >= count)
    unavailable("an index below " + std::to_string(count), std::to_string(index), "check CUDA_VISIBLE_DEVICES");
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, index), "querying the device's properties");
  device.name = properties.name;
  device.uuid = hexadecimal(properties.uuid);
  device.capability = 10 * properties.major + properties.minor;
  device.multiprocessors = properties.multiProcessorCount;
  device.memory_bytes = properties.totalGlobalMem;
  device.shared_bytes = properties.sharedMemPerBlockOptin;
  if (device.capability < kLeastCapability)
    unavailable("compute capability 8.0 or later", describe(device), "choose another device");
  load_kernels(device);
  return device;
}

bool Device::is_of_this_process() const { return forks == fork_count(); }

void Device::require_this_process() const {
  if (is_of_this_process()) return;
  throw Error(
      ErrorCode::unsupported, "engine",
      std::string("engine: expected a cuda engine of this process, got one made before fork(); ") + kForkRemedy);
}

UseDevice::UseDevice(const Device& device) : index_(device.index) {
  device.require_this_process();
  check(cudaGetDevice(&before_), "querying the current device");
  if (before_ != index_) check(cudaSetDevice(index_), "making the device current");
}

UseDevice::~UseDevice() {
  if (before_ != index_) cudaSetDevice(before_);
}

}  // namespace scorematch::cuda
