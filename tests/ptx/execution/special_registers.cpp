#include "ptx/execution/special_registers.h"

namespace ptx {
namespace {

u32 multiprocessors() { return static_cast<u32>(env("SCOREMATCH_PTX_SMS", 4)); }

u32 value_of(SpecialRegister which, const Warp& warp, u32 lane) {
  const Block& block = *warp.block;
  const Launch& launch = *block.launch;
  const u32 thread = kLanes * warp.number + lane;
  switch (which) {
    case SpecialRegister::tid_x:
      return thread % launch.block[0];
    case SpecialRegister::tid_y:
      return thread / launch.block[0] % launch.block[1];
    case SpecialRegister::tid_z:
      return thread / launch.block[0] / launch.block[1];
    case SpecialRegister::ntid_x:
      return launch.block[0];
    case SpecialRegister::ntid_y:
      return launch.block[1];
    case SpecialRegister::ntid_z:
      return launch.block[2];
    case SpecialRegister::ctaid_x:
      return block.index[0];
    case SpecialRegister::ctaid_y:
      return block.index[1];
    case SpecialRegister::ctaid_z:
      return block.index[2];
    case SpecialRegister::nctaid_x:
      return launch.grid[0];
    case SpecialRegister::nctaid_y:
      return launch.grid[1];
    case SpecialRegister::nctaid_z:
      return launch.grid[2];
    case SpecialRegister::laneid:
      return lane;
    case SpecialRegister::warpid:
      return warp.number;
    case SpecialRegister::lanemask_eq:
      return 1u << lane;
    case SpecialRegister::lanemask_lt:
      return (1u << lane) - 1;
    case SpecialRegister::lanemask_le:
      return (2u << lane) - 1;
    case SpecialRegister::lanemask_gt:
      return ~((2u << lane) - 1);
    case SpecialRegister::lanemask_ge:
      return ~((1u << lane) - 1);
    case SpecialRegister::smid:
      return block.index[0] % multiprocessors();
    case SpecialRegister::nsmid:
      return multiprocessors();
    case SpecialRegister::dynamic_smem_size:
      return launch.dynamic_shared;
    case SpecialRegister::total_smem_size:
      return launch.dynamic_shared + warp.program->static_shared;
  }
  return 0;
}

}  // namespace

void set_special_registers(Warp& warp) {
  for (const SpecialOperand& each : warp.program->specials) {
    u32* values = warp.values<u32>(each.op);
    for (u32 lane = 0; lane < kLanes; ++lane) values[lane] = value_of(each.which, warp, lane);
  }
}

}  // namespace ptx
