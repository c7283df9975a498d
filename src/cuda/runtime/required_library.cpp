#include "cuda/runtime/required_library.h"

#include <utility>

#include "scorematch/error.h"

namespace scorematch::cuda {

RequiredLibrary::RequiredLibrary(std::string name, std::string argument, std::string remedy)
    : name_(std::move(name)), argument_(std::move(argument)), remedy_(std::move(remedy)) {
  std::string reason;
  library_ = open_library(name_, reason);
  if (library_ == nullptr) unavailable(name_, "none (" + reason + ")");
}

void RequiredLibrary::unavailable(const std::string& expected, const std::string& got) const {
  throw Error(ErrorCode::device_unavailable, argument_,
              argument_ + ": expected " + expected + ", got " + got + "; " + remedy_);
}

}  // namespace scorematch::cuda
