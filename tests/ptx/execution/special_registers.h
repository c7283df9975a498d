// %tid, %ctaid, and the other registers that a launch sets.
#pragma once
#include "ptx/execution/warp.h"

namespace ptx {

void set_special_registers(Warp& warp);

}  // namespace ptx
