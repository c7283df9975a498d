#include "cpu/thread_pool.h"

#include <string>
#include <system_error>
#include <utility>

#include "scorematch/error.h"

namespace scorematch::cpu {
namespace {

// About 20 us: long enough to bridge the calls of a training step, short enough to waste no time slice of a shared
// machine.
constexpr int kSpins = 2000;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  try {
    for (int worker = 1; worker < threads; ++worker) helpers_.emplace_back([this, worker] { help(worker); });
  } catch (const std::system_error& error) {
    const int got = size();
    stop();
    throw Error(ErrorCode::out_of_memory, "threads",
                "threads: expected " + std::to_string(threads) + ", got " + std::to_string(got) + ": " + error.what());
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    ++round_;
  }
  start_.notify_all();
  for (std::thread& each : helpers_) each.join();
}

void ThreadPool::run(std::int64_t tasks, const Work& work) {
  const std::unique_lock<std::mutex> mine(in_use_, std::try_to_lock);
  if (tasks <= 1 || helpers_.empty() || !mine.owns_lock()) {
    for (std::int64_t task = 0; task < tasks; ++task) work(task, 0);
    return;
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    work_ = &work;
    tasks_ = tasks;
    next_ = 0;
    active_ = static_cast<int>(helpers_.size());
    ++round_;
  }
  start_.notify_all();
  take_part(0);
  for (int spin = 0; spin < kSpins && active_ > 0; ++spin) pause();
  std::unique_lock<std::mutex> lock(mutex_);
  done_.wait(lock, [&] { return active_ == 0; });
  work_ = nullptr;
  if (error_) {
    const std::exception_ptr error = std::exchange(error_, nullptr);
    lock.unlock();
    std::rethrow_exception(error);
  }
}

void ThreadPool::take_part(int worker) {
  const Work& work = *work_;
  for (std::int64_t task = next_++; task < tasks_; task = next_++) {
    try {
      work(task, worker);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }
}

void ThreadPool::help(int worker) {
  for (std::uint64_t seen = 0;;) {
    for (int spin = 0; spin < kSpins && round_ == seen; ++spin) pause();
    {
      std::unique_lock<std::mutex> lock(mutex_);
      start_.wait(lock, [&] { return round_ != seen; });
      seen = round_;
      if (stop_) return;
    }
    take_part(worker);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (--active_ == 0) done_.notify_one();
  }
}

}  // namespace scorematch::cpu
