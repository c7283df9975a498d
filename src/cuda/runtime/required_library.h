// A shared library that an object of the engine cannot do without, and its functions.
#pragma once
#include <string>

#include "cuda/runtime/library.h"

namespace scorematch::cuda {

class RequiredLibrary {
 public:
  /// @param argument that the errors name @param remedy that they end with
  /// @throws Error device_unavailable if it cannot be opened
  RequiredLibrary(std::string name, std::string argument, std::string remedy);

  /// @throws Error device_unavailable if the library has no such function
  template <class Function>
  void find(const char* name, Function& function) const {
    function = reinterpret_cast<Function>(find_function(library_, name));
    if (function == nullptr) unavailable(name_ + " with " + name, "one without it");
  }

 private:
  [[noreturn]] void unavailable(const std::string& expected, const std::string& got) const;

  std::string name_, argument_, remedy_;
  void* library_;
};

}  // namespace scorematch::cuda
