// Errors of kernels: faults, which end the launch, and warnings.
#pragma once
#include "ptx/execution/warp.h"

namespace ptx {

/// Kernel, instruction, source line, block, warp and lane.
std::string where(const Warp& warp, const Instruction& instruction, int lane);
[[noreturn]] void fault(const Warp& warp, const Instruction& instruction, int lane, const std::string& what);
/// Warns that lanes use uninitialized values as `use`.
void report_uninitialized(const Warp& warp, const Instruction& instruction, u32 lanes, const char* use);
/// With SCOREMATCH_PTX_ORIGIN, warns that lanes load uninitialized memory.
void report_origin(const Warp& warp, const Instruction& instruction, u32 lanes);

}  // namespace ptx
