#include "cpu/thread_pool.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/process.h"
#include "scorematch/error.h"

namespace scorematch::cpu {

/// The crew of a process. A child of fork() has none of its parent's threads, and the crew's mutexes may be locked for
/// ever: it leaves that crew alone and makes its own.
struct ThreadPool::Process {
  explicit Process(int threads) : crew(threads - 1) {}
  Crew crew;
  const unsigned forks = fork_count();
};

ThreadPool::ThreadPool(int threads) : size_(threads), executor_{} {
  if (threads > 1) process_ = new Process(threads);
}

ThreadPool::ThreadPool(CpuExecutor executor) : size_(executor.threads), executor_(std::move(executor)) {}

ThreadPool::~ThreadPool() {
  const Process* process = process_;
  if (process != nullptr && process->forks == fork_count()) delete process;
}

/// Null if the system has no threads for a child.
ThreadPool::Process* ThreadPool::this_process() try {
  Process* process = process_;
  while (process->forks != fork_count()) {
    auto mine = std::make_unique<Process>(size_);
    if (process_.compare_exchange_strong(process, mine.get())) return mine.release();
    // Otherwise another thread of this process was first.
  }
  return process;
} catch (const Error&) {
  return nullptr;
}

void ThreadPool::run(std::int64_t tasks, const Work& work) {
  if (tasks <= 1 || size_ == 1) {
    for (std::int64_t task = 0; task < tasks; ++task) work(task, 0);
    return;
  }
  Round round(tasks, work);
  if (executor_.run) {
    try {
      executor_.run(static_cast<int>(std::min<std::int64_t>(size_, tasks)),
                    [&](int worker) { round.take_part(worker); });
    } catch (...) {
      round.take_part(0);  // a step of Adam that has begun must not stop halfway
      throw;
    }
  } else if (Process* process = this_process(); process != nullptr) {
    process->crew.run(round);
  }
  round.take_part(0);  // alone, if nobody else did
  round.rethrow();
}

}  // namespace scorematch::cpu
