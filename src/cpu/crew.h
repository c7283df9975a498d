// The helper threads of one process.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "cpu/round.h"

namespace scorematch::cpu {

class Crew {
 public:
  /// @throws Error out_of_memory if the system has fewer threads
  explicit Crew(int helpers);
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  /// Takes part in the round as worker 0, with the helpers as the other workers. It waits for helpers that have a task,
  /// not for those that have not woken up. Does nothing if another thread is using the crew, or if the helpers have
  /// cost more time than they saved in the last rounds: on a busy machine they wake up late, or do not run for a while.
  void run(Round& round);

 private:
  void help(int worker);
  bool enter(std::uint64_t number);
  void leave();
  void stop();
  using Nanoseconds = std::chrono::duration<double, std::nano>;
  void learn(std::int64_t own, std::int64_t others, Nanoseconds waking, Nanoseconds working, Nanoseconds waiting);

  const int spins_;
  std::vector<std::thread> helpers_;
  std::mutex in_use_;  // held by the run() that uses the helpers, and guards the next four
  double saved_ = 0;   // nanoseconds by helpers, in `tried_` rounds
  int tried_ = 0;
  int alone_ = 0;       // rounds to come without helpers
  int last_alone_ = 0;  // and how many there were the last time; 0: helpers have saved time since

  // The number of the round, whether helpers may still enter it, and how many are inside: see crew.cpp.
  std::atomic<std::uint64_t> gate_{0};
  std::atomic<bool> stop_{false};
  Round* round_ = nullptr;  // read by helpers that are inside

  std::mutex mutex_;  // for waiting
  std::condition_variable start_, done_;
};

}  // namespace scorematch::cpu
