// Cancels computations on the host: their innermost long loops check a flag, which another thread or a signal handler
// may set.
#pragma once
#include <atomic>

#include "scorematch/error.h"

namespace scorematch {

/// @param cancelled the flag, or null @throws Error cancelled if it is set
inline void check_not_cancelled(const std::atomic<bool>* cancelled) {
  if (cancelled != nullptr && cancelled->load(std::memory_order_relaxed))
    throw Error(ErrorCode::cancelled, "cancelled", "cancelled: the caller's flag was set, so the call was abandoned");
}

}  // namespace scorematch
