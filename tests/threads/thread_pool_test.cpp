// The thread pool of the cpu engine: every task runs once, whichever thread calls, and failures reach the caller.
#include "cpu/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace scorematch::cpu {
namespace {

/// Runs `count` tasks and returns how often each ran.
std::vector<int> runs_of(ThreadPool& pool, int count) {
  std::vector<int> runs(static_cast<std::size_t>(count));
  pool.run(count, [&](std::int64_t task, int worker) {
    EXPECT_LT(worker, pool.size());
    ++runs[static_cast<std::size_t>(task)];  // plain memory: a task belongs to one thread
  });
  return runs;
}

TEST(ThreadPool, RunsEveryTaskOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (const int count : {0, 1, 2, 7, 64})
      for (int turn = 0; turn < 50; ++turn)
        EXPECT_EQ(runs_of(pool, count), std::vector<int>(static_cast<std::size_t>(count), 1));
  }
}

TEST(ThreadPool, ServesSeveralCallersAtOnce) {
  ThreadPool pool(3);
  std::vector<int> wrong(4);
  std::vector<std::thread> callers;
  for (int& each : wrong)
    callers.emplace_back([&pool, &each] {
      for (int turn = 0; turn < 100; ++turn) {
        const std::vector<int> runs = runs_of(pool, 40);
        each += static_cast<int>(runs.size()) - static_cast<int>(std::count(runs.begin(), runs.end(), 1));
      }
    });
  for (auto& each : callers) each.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST(ThreadPool, PassesOnAFailureAndGoesOn) {
  ThreadPool pool(4);
  for (int turn = 0; turn < 50; ++turn) {
    std::atomic<int> started{0};
    EXPECT_THROW(pool.run(30,
                          [&](std::int64_t task, int) {
                            ++started;
                            if (task == 5) throw std::runtime_error("task 5");
                          }),
                 std::runtime_error);
    EXPECT_GE(started, 1);
    EXPECT_EQ(runs_of(pool, 10), std::vector<int>(10, 1));
  }
}

void sleep_for(int microseconds) { std::this_thread::sleep_for(std::chrono::microseconds(microseconds)); }

/// Helpers that are slower than the caller would be are left out more and more, and come back when they are not.
TEST(ThreadPool, DoesWithoutHelpersThatHoldItUp) {
  ThreadPool pool(2);
  const auto rounds_with_help = [&](int rounds, int own, int of_helper) {
    int helped = 0;
    for (int round = 0; round < rounds; ++round) {
      std::atomic<bool> helps{false};
      pool.run(4, [&](std::int64_t, int worker) {
        if (worker == 1) helps = true;
        sleep_for(worker == 1 ? of_helper : own);
      });
      helped += helps ? 1 : 0;
    }
    return helped;
  };
  EXPECT_LE(rounds_with_help(100, 10, 2000), 40);  // 8 of 16, of 24, of 40 and of 72: 32 in all
  EXPECT_GT(rounds_with_help(300, 200, 200), 50);  // there may be 64 rounds without it to come
}

TEST(ThreadPool, EndsWhileIdle) {
  for (int turn = 0; turn < 50; ++turn) {
    ThreadPool unused(4);
    ThreadPool used(4);
    EXPECT_EQ(runs_of(used, 9), std::vector<int>(9, 1));
  }
}

}  // namespace
}  // namespace scorematch::cpu
