// Forks of this process. A child has only the thread that forked, and no CUDA context.
#pragma once

namespace scorematch {

/// How many forks lie between the first call in a process and this one. It differs in a child from what it was in the
/// parent.
unsigned fork_count();

}  // namespace scorematch
