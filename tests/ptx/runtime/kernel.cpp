// Modules that the program registers. The module of a kernel is chosen as the driver would: the one for the highest
// architecture that the device can run.
#include "ptx/runtime/kernel.h"

#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>

#include "ptx/runtime/fat_binary.h"
#include "ptx/runtime/report.h"
#include "ptx/runtime/state.h"

namespace ptx::runtime {

struct Image {
  std::vector<std::string> texts;
  std::unique_ptr<Module> module;
};

namespace {

std::map<const void*, Kernel>& kernels() {
  static std::map<const void*, Kernel> all;
  return all;
}

/// The architecture in a module's .target: 80, or 90 for sm_90a, which runs only on that architecture. 0: this device
/// cannot run it.
int architecture_of(const std::string& text) {
  const auto at = text.find("\n.target sm_");
  if (at == std::string::npos) return 0;
  char* end = nullptr;
  const auto number = static_cast<int>(std::strtol(text.c_str() + at + 12, &end, 10));
  const bool specific = std::isalpha(static_cast<unsigned char>(*end)) != 0;
  return specific ? (number == capability() ? number : 0) : (number <= capability() ? number : 0);
}

Module* module_of(Image& image) {
  if (image.module == nullptr) {
    const std::string* best = nullptr;
    for (const std::string& each : image.texts)
      if (architecture_of(each) > (best == nullptr ? 0 : architecture_of(*best))) best = &each;
    if (best != nullptr) image.module = std::make_unique<Module>(*best);
  }
  return image.module.get();
}

/// Names in an unnamed namespace contain hashes that differ from one compilation to the next.
std::string without_hashes(std::string name) {
  constexpr std::size_t kDigits = 8;
  for (std::size_t at = 0; (at = name.find('_', at)) != std::string::npos; ++at) {
    std::size_t digits = 0;
    while (digits < kDigits && std::isxdigit(static_cast<unsigned char>(name[at + 1 + digits])) != 0) ++digits;
    if (digits == kDigits) name.replace(at + 1, kDigits, kDigits, '0');
  }
  return name;
}

/// SCOREMATCH_PTX_FILE names a file whose kernels replace the program's kernels with the same names.
Module* replacement() {
  static const std::unique_ptr<Module> module = []() -> std::unique_ptr<Module> {
    const char* const path = std::getenv("SCOREMATCH_PTX_FILE");
    if (path == nullptr) return nullptr;
    std::ifstream file(path);
    if (!file) {
      say(std::string("cannot read SCOREMATCH_PTX_FILE=") + path);
      std::abort();
    }
    return std::make_unique<Module>(std::string(std::istreambuf_iterator<char>(file), {}));
  }();
  return module.get();
}

bool take_from(Module* module, Kernel& kernel) {
  if (module == nullptr) return false;
  const std::string wanted = without_hashes(kernel.name);
  for (const auto& [name, function] : module->functions)
    if (function.entry && (name == kernel.name || (module == replacement() && without_hashes(name) == wanted))) {
      kernel.module = module;
      kernel.name_in_module = name;
      return true;
    }
  return false;
}

cudaError_t set_attribute(const void* function, cudaFuncAttribute attribute, int value) {
  PTX_CALL;
  Kernel* const kernel = find_kernel(function);
  if (kernel == nullptr) return failed(cudaErrorInvalidDeviceFunction);
  if (attribute == cudaFuncAttributeMaxDynamicSharedMemorySize) {
    if (value < 0 || static_cast<u32>(value) + kernel->program().static_shared > max_shared())
      return failed(cudaErrorInvalidValue);
    kernel->max_dynamic_shared = value;
  }
  return cudaSuccess;
}

}  // namespace

Kernel* find_kernel(const void* host_function) {
  const auto found = kernels().find(host_function);
  if (found == kernels().end()) return nullptr;
  Kernel& kernel = found->second;
  if (kernel.module != nullptr || take_from(replacement(), kernel) || take_from(module_of(*kernel.image), kernel))
    return &kernel;
  return nullptr;
}

}  // namespace ptx::runtime

using namespace ptx::runtime;

extern "C" {

// ---- functions that nvcc's host code calls

void** __cudaRegisterFatBinary(void* wrapper) {
  PTX_CALL;
  report_at_exit();
  return reinterpret_cast<void**>(new Image{ptx_of(wrapper), nullptr});
}

void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
char __cudaInitModule(void**) { return 1; }

void __cudaRegisterFunction(void** image, const char* host_function, char*, const char* name, int, void*, void*, void*,
                            void*, int*) {
  PTX_CALL;
  kernels()[host_function] = Kernel{reinterpret_cast<Image*>(image), name};
}

void __cudaRegisterVar(void**, char*, char*, const char*, int, std::size_t, int, int) {}
void __cudaRegisterManagedVar(void**, void**, char*, const char*, int, std::size_t, int, int) {}

// ---- attributes

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  const cudaError_t error = set_attribute(function, attribute, value);
  // Lets another thread run, which may set the same attribute before this one launches.
  if (const long pause = ptx::env("SCOREMATCH_PTX_PAUSE", 0); pause > 0) usleep(static_cast<unsigned>(pause));
  return error;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  PTX_CALL;
  const Kernel* const kernel = find_kernel(function);
  if (kernel == nullptr) return failed(cudaErrorInvalidDeviceFunction);
  std::memset(attributes, 0, sizeof *attributes);
  attributes->sharedSizeBytes = kernel->program().static_shared;
  attributes->maxThreadsPerBlock = 1024;
  attributes->numRegs = 64;
  attributes->ptxVersion = std::atoi(kernel->module->target.c_str() + 3);
  attributes->binaryVersion = capability();
  attributes->maxDynamicSharedSizeBytes = kernel->max_dynamic_shared;
  return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int, std::size_t) {
  *blocks = 1;
  return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void*, int, std::size_t,
                                                                   unsigned) {
  *blocks = 1;
  return cudaSuccess;
}
}
