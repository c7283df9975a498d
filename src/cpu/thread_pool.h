// The threads of the cpu engine. Results do not depend on their number.
#pragma once
#include <atomic>
#include <cstdint>

#include "cpu/crew.h"
#include "cpu/round.h"
#include "scorematch/engine.h"

namespace scorematch::cpu {

class ThreadPool {
 public:
  /// Own threads. @throws Error out_of_memory if there are not as many
  explicit ThreadPool(int threads);
  /// The caller's.
  explicit ThreadPool(CpuExecutor executor);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return size_; }

  /// Calls work(task, worker) for every task in [0, tasks). Tasks are claimed in ascending order; worker < size(). The
  /// caller takes part. If another thread is using the pool, the caller does all the work alone. @throws what the first
  /// failing task threw
  void run(std::int64_t tasks, const Work& work);

 private:
  struct Process;
  Process* this_process();

  const int size_;
  const CpuExecutor executor_;  // empty: own threads
  std::atomic<Process*> process_{nullptr};
};

}  // namespace scorematch::cpu
