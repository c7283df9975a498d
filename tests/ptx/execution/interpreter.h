// Executes the instructions of one warp.
#pragma once
#include "ptx/execution/warp.h"

namespace ptx {

enum class Outcome { finished, at_barrier, paused };

/// Runs a warp until all lanes have exited or all wait at a block barrier, or for `branches` branches.
Outcome interpret(Warp& warp, u64 branches);

}  // namespace ptx
