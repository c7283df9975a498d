// Random shapes for kernel tests: a seed a shape, which also sets the executor's schedule; failures print it.
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "simt/host.h"

namespace scorematch {
namespace kernels {

class RandomCase {
 public:
  explicit RandomCase(std::uint64_t seed) : seed_(seed), generator_(seed) {
    simt::options.seed = seed;
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
    std::normal_distribution<double> law(0, scale);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& each : values) each = static_cast<float>(law(generator_));
    return values;
  }

 private:
  std::uint64_t seed_;
  std::mt19937_64 generator_;
};

/// The executor has nothing to report.
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

/// body(seed) for `count` seeds, an eighth of them with sanitizers; stops at the first that fails and names it.
template <class Body>
void for_each_seed(int count, const Body& body) {
  count /= kSeedsSkipped;
  for (int i = 1; i <= count && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("seed " + std::to_string(i));
    body(static_cast<std::uint64_t>(i));
    EXPECT_EQ(complaints(), "");
  }
}

}  // namespace kernels
}  // namespace scorematch
