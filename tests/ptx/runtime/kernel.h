// Kernels, found by the host functions that stand for them.
#pragma once
#include <string>

#include "ptx/runtime/machine.h"

namespace ptx::runtime {

struct Image;

struct Kernel {
  Image* image = nullptr;
  std::string name;          // mangled, as in the program
  Module* module = nullptr;  // found at the first use
  std::string name_in_module = {};
  int max_dynamic_shared = static_cast<int>(kSharedDefault);  // bytes

  const Function& function() const { return module->functions.at(name_in_module); }
  Program& program() const { return module->program(name_in_module); }
};

/// nullptr: not registered, or not compiled for this device.
Kernel* find_kernel(const void* host_function);

}  // namespace ptx::runtime
