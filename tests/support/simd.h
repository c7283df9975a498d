/// @file
/// Shared by tests of the vector functions: an instruction set as the parameter, guarded arrays, exact normals.
#pragma once
#include <gtest/gtest.h>

#include "cpu/simd/noise.h"
#include "cpu/simd/targets.h"  // before Highway

#include <hwy/targets.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <random>
#include <string>
#include <vector>

namespace scorematch::cpu {

inline std::uint32_t bits(float x) {
  std::uint32_t b;
  std::memcpy(&b, &x, sizeof b);
  return b;
}

inline bool same_bits(const float* a, const float* b, std::size_t n) {
  return std::memcmp(a, b, n * sizeof(float)) == 0;
}

/// |actual - expected| in units in the last place of expected.
inline double ulps(float actual, double expected) {
  int exponent;
  std::frexp(expected, &exponent);
  return std::abs(actual - expected) / std::ldexp(1.0, exponent - 24);
}

/// A strided, unaligned array [rows, width] between guard elements, which must not be written.
class Guarded {
 public:
  Guarded(int rows, int width, std::int64_t stride)
      : rows_(rows),
        width_(width),
        stride_(stride),
        all_(static_cast<std::size_t>(rows * stride + 2 * kMargin), kGuard) {}
  float* data() { return all_.data() + kMargin; }
  float* row(int r) { return data() + r * stride_; }
  bool guards_hold() const {
    for (std::size_t i = 0; i < all_.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i) - kMargin;
      const bool inside = at >= 0 && at < rows_ * stride_ && at % stride_ < width_;
      if (!inside && bits(all_[i]) != bits(kGuard)) return false;
    }
    return true;
  }

 private:
  static constexpr int kMargin = 67;
  static constexpr float kGuard = -1234.5f;
  int rows_, width_;
  std::int64_t stride_;
  std::vector<float> all_;
};

inline std::vector<float> random_floats(std::size_t n, unsigned seed, float low = -2, float high = 2) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(low, high);
  std::vector<float> x(n);
  for (float& v : x) v = uniform(engine);
  return x;
}

/// The output of Philox for the counter of a sample.
inline philox::Block words(const Draw& draw, std::uint64_t sample, int group) {
  return philox::philox4x32_10(
      philox::counter(draw.purpose, draw.step, sample, static_cast<std::uint32_t>(group), draw.direction), draw.seed);
}

/// Normal i of a group, computed in double.
inline double exact_normal(const philox::Block& block, int i) {
  const double u = philox::uniform(block.word[i & 2]), turns = philox::uniform(block.word[(i & 2) + 1]);
  const double angle = 2 * std::acos(-1.0) * turns;
  return std::sqrt(-2 * std::log(u)) * ((i & 1) != 0 ? std::sin(angle) : std::cos(angle));
}

/// The counter for which Philox gives `block`.
inline philox::Block invert_philox(philox::Block block, std::uint64_t key) {
  const auto inverse = [](std::uint32_t m) {
    std::uint32_t x = m;
    for (int i = 0; i < 5; ++i) x *= 2 - m * x;
    return x;
  };
  const std::uint32_t inverse0 = inverse(philox::kMultiplier0), inverse1 = inverse(philox::kMultiplier1);
  for (std::uint32_t round = 10; round-- > 0;) {
    const auto k0 = static_cast<std::uint32_t>(key) + round * philox::kWeyl0;
    const auto k1 = static_cast<std::uint32_t>(key >> 32) + round * philox::kWeyl1;
    const std::uint32_t c2 = block.word[1] * inverse1, c0 = block.word[3] * inverse0;
    const auto high1 = static_cast<std::uint32_t>(std::uint64_t{philox::kMultiplier1} * c2 >> 32);
    const auto high0 = static_cast<std::uint32_t>(std::uint64_t{philox::kMultiplier0} * c0 >> 32);
    block = {{c0, block.word[0] ^ high1 ^ k0, c2, block.word[2] ^ high0 ^ k1}};
  }
  return block;
}

/// Runs a test with one instruction set.
class Simd : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { hwy::GetChosenTarget().Update(GetParam()); }
  void TearDown() override { hwy::GetChosenTarget().Update(hwy::SupportedTargets()); }

  void report(const std::string& what, double value) {
    RecordProperty(what, std::to_string(value));
    std::cout << "  " << hwy::TargetName(GetParam()) << " " << what << ": " << value << "\n";
  }
};

/// The compiled instruction sets that this machine supports.
inline std::vector<std::int64_t> targets() {
  std::vector<std::int64_t> each;
  const std::int64_t all = (hwy::SupportedTargets() & HWY_TARGETS) | HWY_STATIC_TARGET;
  for (std::int64_t rest = all; rest != 0; rest &= rest - 1) each.push_back(rest & -rest);
  return each;
}

}  // namespace scorematch::cpu
