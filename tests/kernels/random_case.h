// Random shapes for kernel tests. A seed gives one shape, the schedule of the executor and the rounding of matrix
// instructions; failures print it.
#pragma once
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "kernels/device_array.h"
#include "simt/host.h"

namespace scorematch {
namespace kernels {

/// The number of the schedule: another one runs the same shapes in another order.
inline std::uint64_t& schedule() {
  static std::uint64_t value = 0;
  return value;
}

class RandomCase {
 public:
  explicit RandomCase(std::uint64_t seed) : seed_(seed), generator_(seed) {
    simt::options.seed = seed ^ schedule() << 32;
    simt::options.mma = static_cast<simt::MmaRounding>(seed % 3);
    simt::options.approximation = static_cast<float>(static_cast<int>(seed / 3 % 3) - 1);
    simt::session() = {};
  }
  std::uint64_t seed() const { return seed_; }
  int integer(int low, int high) { return std::uniform_int_distribution<int>(low, high)(generator_); }
  bool chance(double p) { return real(0, 1) < p; }
  double real(double low, double high) { return std::uniform_real_distribution<double>(low, high)(generator_); }
  int pick(const std::vector<int>& from) {
    return from[static_cast<std::size_t>(integer(0, static_cast<int>(from.size()) - 1))];
  }
  std::vector<float> normals(std::int64_t count, double scale = 1) {
    std::normal_distribution<double> normal(0, scale);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& each : values) each = static_cast<float>(normal(generator_));
    return values;
  }

 private:
  std::uint64_t seed_;
  std::mt19937_64 generator_;
};

/// The errors that the executor has reported; empty if there are none.
inline std::string complaints() {
  std::string all;
  for (const std::string& each : simt::session().errors) all += each + "\n";
  return all;
}

#if defined(__SANITIZE_ADDRESS__)
constexpr int kSeedsSkipped = 8;  // fibers switch many times slower
#else
constexpr int kSeedsSkipped = 1;
#endif

/// The first seed minus one; ./dev soak sets another one for each run.
inline std::uint64_t first_seed() {
  const char* given = std::getenv("SCOREMATCH_TEST_SEED");
  return given == nullptr ? 0 : std::strtoull(given, nullptr, 10);
}

template <class Body>
std::uint64_t digest_of(const Body& body, std::uint64_t seed) {
  digest() = 0xCBF29CE484222325u;
  body(seed);
  EXPECT_EQ(complaints(), "");
  return digest();
}

/// The factor of the number of shapes, which ctest sets; 1 for a run by hand.
inline int shape_factor() {
  const char* given = std::getenv("SCOREMATCH_SHAPES");
  return given == nullptr ? 1 : std::atoi(given);
}

/// The number of schedules in which two of the seeds run: 20, or the number that ctest sets.
inline std::uint64_t schedule_count() {
  const char* given = std::getenv("SCOREMATCH_SCHEDULES");
  return (given == nullptr ? 20 : std::strtoull(given, nullptr, 10)) / kSeedsSkipped;
}

/// Calls body(seed) for `count` seeds; with sanitizers for an eighth of them, and for at most 20 seconds. Two of the
/// seeds also run in schedule_count() schedules each, which must be bit-identical. Stops at the first seed that fails
/// and names it.
template <class Body>
void for_each_seed(int count, const Body& body) {
  const std::uint64_t schedules = schedule_count();
  const auto start = std::chrono::steady_clock::now();
  const auto is_late = [&] {
    return kSeedsSkipped > 1 && std::chrono::steady_clock::now() - start > std::chrono::seconds(20);
  };
  for (int i = 1; i <= shape_factor() * count / kSeedsSkipped && !::testing::Test::HasFailure(); ++i) {
    if (i > 1 && is_late()) break;
    const std::uint64_t seed = first_seed() + static_cast<std::uint64_t>(i);
    SCOPED_TRACE("seed " + std::to_string(seed));
    const std::uint64_t bits = digest_of(body, seed);
    if (i != 2 && i != 3) continue;
    for (schedule() = 1; schedule() <= schedules && !is_late(); ++schedule())
      EXPECT_EQ(digest_of(body, seed), bits) << "in schedule " << schedule();
    schedule() = 0;
  }
}

}  // namespace kernels
}  // namespace scorematch
