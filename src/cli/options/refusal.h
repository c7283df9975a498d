/// @file
/// How the command refuses a value that the arguments alone do not show to be wrong: exit code 1, one line.
#pragma once
#include <string>

#include "scorematch/error.h"

namespace scorematch::cli {

/// @param name of an option or of what is looked at @throws Error invalid_argument
[[noreturn]] inline void refuse(const std::string& name, const std::string& expected, const std::string& got) {
  throw Error(ErrorCode::invalid_argument, name, name + ": expected " + expected + ", got " + got);
}

}  // namespace scorematch::cli
