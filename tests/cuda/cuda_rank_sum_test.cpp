// Sums over ranks with a device each. The ranks are threads of this process here, and the stand-in for NCCL exchanges
// their messages.
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "cuda/cuda_fixture.h"
#include "scorematch/rank_sum.h"
#include "support/refusal.h"

namespace scorematch::testing_support {
namespace {

namespace runtime = simt::runtime;

/// Numbers of different sizes, some of which cancel, so that their sum depends on the order: those of rank 1 are often
/// the opposite of those of rank 0.
std::vector<float> gradient(int rank, std::int64_t count) {
  std::mt19937 random(static_cast<unsigned>(rank / 2 + 1)), sign(1);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& each : values) {
    each = std::ldexp(std::normal_distribution<float>()(random), static_cast<int>(random() % 80) - 40);
    if (rank % 2 == 1) each *= sign() % 2 == 0 ? -1.0f : 0.375f;
  }
  return values;
}

std::vector<float> ordered_sum(int ranks, std::int64_t count) {
  std::vector<double> total(static_cast<std::size_t>(count), 0.0);
  for (int rank = 0; rank < ranks; ++rank) {
    const std::vector<float> values = gradient(rank, count);
    for (std::size_t i = 0; i < values.size(); ++i) total[i] += static_cast<double>(values[i]);
  }
  return {total.begin(), total.end()};
}

/// Makes a test fail a call of NCCL.
struct NcclFails {
  explicit NcclFails(const std::string& function) { ::setenv("SCOREMATCH_NCCL_FAILS", function.c_str(), 1); }
  ~NcclFails() { ::unsetenv("SCOREMATCH_NCCL_FAILS"); }
};

class CudaRankSum : public CudaTest {
 protected:
  CudaRankSum() {  // the messages of the stand-in
    std::filesystem::create_directory(folder_);
    ::setenv("TMPDIR", folder_.c_str(), 1);
  }
  ~CudaRankSum() override {
    ::unsetenv("TMPDIR");
    std::filesystem::remove_all(folder_);
  }
  static void start(int devices) {
    runtime::Machine machine;
    machine.devices = devices;
    runtime::start(machine);
  }

  /// On every rank, the sums of two calls, the second one in place of what the first one gave.
  static std::vector<std::vector<float>> sums(int ranks, std::int64_t count, bool in_place) {
    start(ranks);
    std::vector<std::vector<float>> got(static_cast<std::size_t>(2 * ranks));
    const RankSum::Id id = RankSum(Engine::cuda(), ranks, count).make_id();
    std::vector<std::thread> threads;
    for (int rank = 0; rank < ranks; ++rank)
      threads.emplace_back([&, rank] {
        const Engine engine = Engine::cuda(rank);
        RankSum sum(engine, ranks, count);
        sum.join(rank, id);
        Queue queue(engine, sum.workspace_bytes());
        auto mine = engine.upload(gradient(rank, count)), total = engine.allocate<float>(count);
        for (const int call : {0, 1}) {
          queue.write(mine, gradient(rank, count).data());
          sum.run(queue, mine, in_place ? mine : total);
          got[static_cast<std::size_t>(2 * rank + call)] = queue.read(in_place ? mine : total);
        }
        if (!in_place) {
          EXPECT_EQ(queue.read(mine), gradient(rank, count));
        }
      });
    for (std::thread& each : threads) each.join();
    return got;
  }

 private:
  const std::string folder_ = testing::TempDir() + "rank_sum_" + std::to_string(::getpid());
};

TEST_F(CudaRankSum, IsTheSumInTheOrderOfTheRanks) {
  // 2 elements for 3 ranks: one has no part.
  for (const auto& [ranks, count] : std::vector<std::pair<int, std::int64_t>>{{1, 5}, {2, 1000}, {3, 1001}, {3, 2}}) {
    const std::vector<float> wanted = ordered_sum(ranks, count);
    for (const bool in_place : {false, true})
      for (const std::vector<float>& each : sums(ranks, count, in_place)) EXPECT_EQ(each, wanted) << ranks;
  }
}

TEST_F(CudaRankSum, TellsDevicesApart) {
  start(2);
  const RankSum first(Engine::cuda(0), 2, 5), second(Engine::cuda(1), 2, 5), same(Engine::cuda(0), 2, 5);
  EXPECT_EQ(first.device().size(), 32u);
  EXPECT_EQ(first.device(), same.device());
  EXPECT_NE(first.device(), second.device());
  EXPECT_EQ(first.description(), "NCCL 2.99.0");
  EXPECT_GE(first.workspace_bytes(), 6 * sizeof(float));
}

TEST_F(CudaRankSum, NeedsNccl) {
  runtime::Machine machine;
  machine.nccl = false;
  runtime::start(machine);
  test::expect_refused({"engine", "libnccl.so.2", "none (libnccl.so.2: cannot open", ErrorCode::device_unavailable},
                       [] { RankSum(Engine::cuda(), 2, 5); });
}

TEST_F(CudaRankSum, NeedsAGpu) {
  test::expect_refused({"engine", "a cuda engine", "reference", ErrorCode::unsupported},
                       [] { RankSum(Engine::reference(), 2, 5); });
}

TEST_F(CudaRankSum, RefusesBadCalls) {
  const Engine engine = Engine::cuda();
  test::expect_refused({"ranks", "at least 1", "0"}, [&] { RankSum(engine, 0, 5); });
  test::expect_refused({"count", "between 1 and ", "0"}, [&] { RankSum(engine, 2, 0); });
  RankSum sum(engine, 1, 5);
  Queue queue(engine, sum.workspace_bytes()), small(engine, 0), of_another(Engine::reference(), 1000);
  auto mine = engine.allocate<float>(6), total = engine.allocate<float>(5);
  const View first(mine.data(), 5), shifted(mine.data() + 1, 5);
  std::vector<float> host(5);
  const auto refused = [](const test::Refusal& refusal, const auto& call) { test::expect_refused(refusal, call); };
  refused({"rank_sum", "one that has joined", "a call before join()"}, [&] { sum.run(queue, first, total); });
  refused({"rank", "0 to 0", "1"}, [&] { sum.join(1, sum.make_id()); });
  sum.join(0, sum.make_id());
  refused({"rank_sum", "one call of join()", "another one"}, [&] { sum.join(0, sum.make_id()); });
  refused({"queue.workspace_bytes", "at least ", "0"}, [&] { sum.run(small, first, total); });
  refused({"queue", "a queue of the same engine", "one of another"}, [&] { sum.run(of_another, first, total); });
  refused({"mine", "[5]", "nothing"}, [&] { sum.run(queue, {}, total); });
  refused({"mine", "[5] float32", "[6] float32"}, [&] { sum.run(queue, mine, total); });
  refused({"mine", "[5] float32", "[6] float32"}, [&] { sum.run(queue, mine, first); });
  refused({"sum", "[5]", "nothing"}, [&] { sum.run(queue, first, {}); });
  refused({"sum", "[5] float32", "[6] float32"}, [&] { sum.run(queue, total, mine); });
  refused({"sum", "memory of its own", "memory shared with mine"}, [&] { sum.run(queue, first, shifted); });
  refused({"sum", "memory of device 0", "memory of the host"}, [&] { sum.run(queue, first, View(host.data(), 5)); });
  sum.run(queue, first, total);
  EXPECT_EQ(queue.read(total), std::vector<float>(5));
}

/// Every call of NCCL can fail. The error says what was done, and nothing leaks.
TEST_F(CudaRankSum, SaysWhatNcclSays) {
  const auto run = [] {
    const Engine engine = Engine::cuda();
    RankSum sum(engine, 1, 5);
    EXPECT_EQ(sum.description(), "NCCL 2.99.0");
    sum.join(0, sum.make_id());
    Queue queue(engine, sum.workspace_bytes());
    auto mine = engine.allocate<float>(5);
    sum.run(queue, mine, mine);
  };
  struct Case {
    std::string function, doing, status = "unhandled system error";
  };
  const std::string adding = "adding over the ranks by NCCL";
  for (const Case& each : std::vector<Case>{{"ncclGetVersion", "querying the version of NCCL"},
                                            {"ncclGetUniqueId", "starting NCCL"},
                                            {"ncclCommInitRank", "joining the ranks by NCCL"},
                                            {"ncclCommGetAsyncError", adding, "another NCCL error"},
                                            {"ncclGroupStart", adding},
                                            {"ncclGroupStart:2", adding},
                                            {"ncclSend", adding},
                                            {"ncclRecv", adding},
                                            {"ncclGroupEnd", adding}}) {
    const NcclFails fails(each.function);
    try {
      run();
      ADD_FAILURE() << each.function << " has failed without an error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::device_fault);
      const std::string what = error.what();
      EXPECT_EQ(what.rfind(each.doing + ": expected success, got " + each.status + " (", 0), 0u) << what;
      EXPECT_EQ(what.back(), ')') << what;
    }
    EXPECT_EQ(runtime::live(), "") << each.function;
  }
  run();
}

}  // namespace
}  // namespace scorematch::testing_support
