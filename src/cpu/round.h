// One parallel loop of the cpu engine.
#pragma once
#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>

namespace scorematch::cpu {

using Work = std::function<void(std::int64_t task, int worker)>;

/// Hands out the tasks [0, tasks) in ascending order to the workers that take part.
class Round {
 public:
  Round(std::int64_t tasks, const Work& work) : work_(work), tasks_(tasks) {}

  /// Runs tasks until none is left. A task that throws does not stop the others. @return how many it has run
  std::int64_t take_part(int worker) {
    std::int64_t count = 0;
    for (std::int64_t task = next_++; task < tasks_; task = next_++, ++count) {
      try {
        work_(task, worker);
      } catch (...) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!error_) error_ = std::current_exception();
      }
    }
    return count;
  }
  std::int64_t tasks() const { return tasks_; }

  /// @throws what the first failing task threw, once no worker takes part
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  const Work& work_;
  const std::int64_t tasks_;
  std::atomic<std::int64_t> next_{0};
  std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace scorematch::cpu
