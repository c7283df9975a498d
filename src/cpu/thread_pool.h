// The threads of the cpu engine. Results do not depend on their number.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace scorematch::cpu {

class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(helpers_.size()) + 1; }

  using Work = std::function<void(std::int64_t task, int worker)>;
  /// Calls work(task, worker) for every task in [0, tasks). Tasks are claimed in ascending order; worker < size(). The
  /// caller takes part. If another thread is using the pool, the caller does all the work alone. @throws what the first
  /// failing task threw
  void run(std::int64_t tasks, const Work& work);

 private:
  void stop();  // ends and joins the helpers
  void help(int worker);
  void take_part(int worker);

  std::vector<std::thread> helpers_;
  std::mutex in_use_;  // held by the run() that uses the helpers

  std::mutex mutex_;  // guards the members up to tasks_
  std::condition_variable start_, done_;
  bool stop_ = false;
  std::exception_ptr error_;
  const Work* work_ = nullptr;
  std::int64_t tasks_ = 0;

  std::atomic<std::uint64_t> round_{0};
  std::atomic<std::int64_t> next_{0};
  std::atomic<int> active_{0};  // reaches 0 under the mutex
};

}  // namespace scorematch::cpu
