#include "cuda/runtime/library.h"

#include <dlfcn.h>

namespace scorematch::cuda {
namespace {

constexpr char kInstallersFolder[] = "/usr/local/cuda/lib64/";

}  // namespace

void* open_library(const std::string& name, std::string& reason) {
  if (void* const library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
  const std::string why = dlerror();
  if (void* const library = dlopen((kInstallersFolder + name).c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
  reason = why;
  return nullptr;
}

void* find_function(void* library, const char* name) { return dlsym(library, name); }

}  // namespace scorematch::cuda
