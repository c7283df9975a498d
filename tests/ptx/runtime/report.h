// The report at the end of the program, and the counts of executed instructions per kernel.
#pragma once
#include <string>
#include <unordered_map>

#include "ptx/runtime/machine.h"

namespace ptx::runtime {

/// Registers the report. After uses of uninitialized memory or races, the program's exit status is then 99.
void report_at_exit();

/// During its lifetime, instructions count toward the kernel of `launch`, if SCOREMATCH_PTX_COUNTS is set.
class CountedLaunch {
 public:
  explicit CountedLaunch(const Launch& launch);
  ~CountedLaunch();
  CountedLaunch(const CountedLaunch&) = delete;
  CountedLaunch& operator=(const CountedLaunch&) = delete;

 private:
  const Launch& launch_;
  std::unordered_map<std::string, u64> before_;
};

}  // namespace ptx::runtime
