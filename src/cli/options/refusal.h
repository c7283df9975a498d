/// @file
/// Refusal of a value that is not wrong by the arguments alone: exit code 1, one line.
#pragma once
#include <string>

#include "scorematch/error.h"

namespace scorematch::cli {

/// @param name of an option or of the input that was examined
/// @throws Error invalid_argument
[[noreturn]] inline void refuse(const std::string& name, const std::string& expected, const std::string& got) {
  throw Error(ErrorCode::invalid_argument, name, name + ": expected " + expected + ", got " + got);
}

}  // namespace scorematch::cli
