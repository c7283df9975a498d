// How a computation on the host is abandoned: its innermost long loops look at a flag that another thread, or a signal
// handler, may set.
#pragma once
#include <atomic>

#include "scorematch/error.h"

namespace scorematch {

/// @param cancelled null: never @throws Error cancelled
inline void check_not_cancelled(const std::atomic<bool>* cancelled) {
  if (cancelled != nullptr && cancelled->load(std::memory_order_relaxed))
    throw Error(ErrorCode::cancelled, "cancelled", "cancelled: the caller's flag was set, so the call was abandoned");
}

}  // namespace scorematch
