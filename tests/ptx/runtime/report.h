// What is said at the program's end, and what each kernel executed.
#pragma once
#include <string>
#include <unordered_map>

#include "ptx/runtime/machine.h"

namespace ptx::runtime {

/// Arranges for it; the program's exit status is then 99 after uses of uninitialized memory, or races.
void report_at_exit();

/// While it lives, instructions count for the kernel of `launch`, if SCOREMATCH_PTX_COUNTS asks for it.
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
