// Ranks by MPI. Between two exchanges, a rank that has failed or was interrupted waits like the others, so that all of
// them end in order.
#include <mpi.h>
#include <sched.h>

#include <CLI/Error.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>
#include <vector>

#include "cli/options/interrupt.h"
#include "cli/ranks/processor_share.h"
#include "cli/ranks/ranks.h"
#include "scorematch/error.h"

namespace scorematch::cli {
namespace {

constexpr std::int64_t kBlock = std::int64_t{1} << 22;  // elements that are summed at a time
constexpr auto kSpinning = std::chrono::microseconds(200);
constexpr auto kLongestSleep = std::chrono::microseconds(2000);

/// Waits without taking the processor from the ranks that work: MPI_Wait would.
void wait(MPI_Request request) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  for (int is_done = 0;;) {
    MPI_Test(&request, &is_done, MPI_STATUS_IGNORE);
    if (is_done != 0) return;
    const auto waited = Clock::now() - start;
    if (waited < kSpinning)
      ::sched_yield();
    else
      std::this_thread::sleep_for(std::min<Clock::duration>(waited / 16, kLongestSleep));
  }
}

int rank_in(MPI_Comm ranks) {
  int rank = 0;
  MPI_Comm_rank(ranks, &rank);
  return rank;
}
int size_of(MPI_Comm ranks) {
  int size = 0;
  MPI_Comm_size(ranks, &size);
  return size;
}

/// What a rank's work threw.
struct Failure {
  ErrorCode code = ErrorCode::invalid_argument;
  std::string argument, text;
};

std::optional<Failure> failure_of(const std::function<void()>& work) {
  try {
    work();
    return {};
  } catch (const Error& error) {
    return Failure{error.code(), error.argument(), error.what()};
  } catch (const std::bad_alloc&) {
    return Failure{ErrorCode::out_of_memory, "", "out of memory"};
  } catch (const std::exception& error) {
    return Failure{ErrorCode::invalid_argument, "", error.what()};
  }
}

bool works(int device) {
  try {
    Engine::cuda(device);
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// A rank's device on a node whose ranks share its devices, or see only their own.
int device_of(int rank_on_node) {
  int devices = rank_on_node + 1;
  while (devices > 1 && !works(devices - 1)) --devices;
  return rank_on_node % devices;
}

class MpiRanks final : public Ranks {
 public:
  MpiRanks() : Ranks(rank_in(MPI_COMM_WORLD), size_of(MPI_COMM_WORLD)) {}
  ~MpiRanks() override { MPI_Finalize(); }

  void together(const std::function<void()>& work) override {
    std::exception_ptr thrown;
    const std::optional<Failure> mine = failure_of([&] {
      try {
        work();
      } catch (...) {
        thrown = std::current_exception();
        throw;
      }
    });
    // The lowest rank that has failed, and the highest signal.
    std::array<int, 2> state = {mine ? rank() : size(), -InterruptGuard::signal()}, least{};
    MPI_Request request{};
    MPI_Iallreduce(state.data(), least.data(), 2, MPI_INT, MPI_MIN, MPI_COMM_WORLD, &request);
    wait(request);
    signal_ = -least[1];
    const int failed = least[0];
    if (failed == size()) return;
    std::array<int, 1> code = {mine ? static_cast<int>(mine->code) : 0};
    MPI_Bcast(code.data(), 1, MPI_INT, failed, MPI_COMM_WORLD);
    const std::string argument = from(failed, mine ? mine->argument : ""), text = from(failed, mine ? mine->text : "");
    const auto kind = static_cast<ErrorCode>(code[0]);
    if (kind == ErrorCode::cancelled) throw Error(kind, argument, text);
    all_know_ = true;
    if (!is_first()) throw CLI::RuntimeError(0);
    if (failed == 0) std::rethrow_exception(thrown);
    throw Error(kind, argument, "rank " + std::to_string(failed) + ": " + text);
  }

  int signal() const override { return signal_; }

  // Every rank adds one part of the array. The ranks' own sums of MPI may depend on where the ranks run.
  void sum(float* values, std::int64_t count) override {
    const auto ranks = static_cast<std::size_t>(size()), me = static_cast<std::size_t>(rank());
    std::vector<int> counts(ranks), begins(ranks), mine(ranks), places(ranks);
    for (std::int64_t first = 0; first < count; first += kBlock) {
      const std::int64_t block = std::min(kBlock, count - first);
      for (std::size_t r = 0; r < ranks; ++r) {
        const BatchPart part = part_of(block, static_cast<int>(r), size());
        begins[r] = static_cast<int>(part.begin);
        counts[r] = static_cast<int>(part.count);
      }
      const auto own = static_cast<std::size_t>(counts[me]);
      for (std::size_t r = 0; r < ranks; ++r) {
        mine[r] = counts[me];
        places[r] = static_cast<int>(r * own);
      }
      parts_.resize(ranks * own);
      MPI_Alltoallv(values + first, counts.data(), begins.data(), MPI_FLOAT, parts_.data(), mine.data(), places.data(),
                    MPI_FLOAT, MPI_COMM_WORLD);
      for (std::size_t i = 0; i < own; ++i) {
        double total = 0;
        for (std::size_t r = 0; r < ranks; ++r) total += static_cast<double>(parts_[r * own + i]);
        values[first + begins[me] + static_cast<std::int64_t>(i)] = static_cast<float>(total);
      }
      MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, values + first, counts.data(), begins.data(), MPI_FLOAT,
                     MPI_COMM_WORLD);
    }
  }

  Estimate merged(const Estimate& mine) override {
    const std::array<double, 3> given = {mine.count, mine.mean, mine.m2};
    std::vector<double> all(3 * static_cast<std::size_t>(size()));
    MPI_Allgather(given.data(), 3, MPI_DOUBLE, all.data(), 3, MPI_DOUBLE, MPI_COMM_WORLD);
    Estimate whole;
    for (std::size_t i = 0; i < all.size(); i += 3) whole = whole.merged({all[i], all[i + 1], all[i + 2]});
    return whole;
  }

  std::string from_first(const std::string& text) override { return from(0, text); }

  std::vector<std::string> from_all(const std::string& text) override {
    std::vector<std::string> all;
    for (int rank = 0; rank < size(); ++rank) all.push_back(from(rank, text));
    return all;
  }

  EngineOptions share_of(const EngineOptions& options) override {
    MPI_Comm node{};
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    const int rank_on_node = rank_in(node), ranks_on_node = size_of(node);
    std::vector<int> users = own_processors();  // [processor], how many ranks of the node may use it
    MPI_Allreduce(MPI_IN_PLACE, users.data(), static_cast<int>(users.size()), MPI_INT, MPI_SUM, node);
    MPI_Comm_free(&node);
    EngineOptions mine = options;
    if (mine.threads == 0) mine.threads = processor_share(own_processors(), users, ranks_on_node);
    if (mine.name == "auto" || mine.name == "cuda") mine.device = device_of(rank_on_node);
    return mine;
  }

  void abandon(const char* message) override {
    if (all_know_) return;
    std::fprintf(stderr, "scorematch: rank %d: %s\n", rank(), message);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }

 private:
  std::string from(int root, std::string text) {
    auto length = static_cast<std::int64_t>(text.size());
    MPI_Bcast(&length, 1, MPI_INT64_T, root, MPI_COMM_WORLD);
    text.resize(static_cast<std::size_t>(length));
    MPI_Bcast(text.data(), static_cast<int>(length), MPI_CHAR, root, MPI_COMM_WORLD);
    return text;
  }

  int signal_ = 0;
  bool all_know_ = false;  // of a failure
  std::vector<float> parts_;
};

}  // namespace

std::unique_ptr<Ranks> join_mpi(const Launch& launch) {
  int provided = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
  auto ranks = std::make_unique<MpiRanks>();
  if (ranks->size() != launch.size)
    throw Error(ErrorCode::unsupported, launch.variable,
                launch.variable + ": expected " + std::to_string(ranks->size()) + ", as many processes as " +
                    mpi_version() + " sees, which this command was built with, got " + std::to_string(launch.size) +
                    "; use the mpirun of that MPI");
  return ranks;
}

std::string mpi_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string all(text.data(), static_cast<std::size_t>(length));
  return all.substr(0, all.find_first_of(",\n"));  // without how it was built
}

}  // namespace scorematch::cli
