// ldmatrix and mma.sync by the fragment tables of the PTX manual; conversions to their operand types; approximations.
#include <cmath>

#include "simt/state.h"

namespace simt {
namespace {

float from_bf16(std::uint32_t half) { return __uint_as_float(half << 16); }

/// sum a_i b_i + c, rounded according to options.mma.
float dot(const float* a, const float* b, int count, float c) {
  if (options.mma == MmaRounding::sequential) {
    for (int i = 0; i < count; ++i) c = std::fma(a[i], b[i], c);
    return c;
  }
  double exact = static_cast<double>(c), products[16];
  int exponent = std::ilogb(c == 0 ? 1e-38f : c);
  for (int i = 0; i < count; ++i) {
    products[i] = static_cast<double>(a[i]) * static_cast<double>(b[i]);
    exact += products[i];
    if (products[i] != 0 && std::isfinite(products[i])) exponent = std::max(exponent, std::ilogb(products[i]));
  }
  if (options.mma == MmaRounding::exact || !std::isfinite(exact)) return static_cast<float>(exact);
  const double unit = std::ldexp(1.0, exponent - 25);  // addends are aligned to the largest and truncated below this
  double cut = std::trunc(static_cast<double>(c) / unit);
  for (int i = 0; i < count; ++i) cut += std::trunc(products[i] / unit);
  cut *= unit;
  const float rounded = static_cast<float>(cut);
  return std::fabs(static_cast<double>(rounded)) > std::fabs(cut) ? std::nextafter(rounded, 0.0f) : rounded;
}

void run_ldmatrix(const Gathering& g, Block& block, unsigned warp) {
  const int count = static_cast<LdmatrixRecord*>(g.record[0])->count;
  Lane* const caller = g_lane;
  for (int m = 0; m < count; ++m) {
    std::uint16_t matrix[8][8] = {};
    std::uint32_t banks = 0;
    bool conflict = false;
    for (int r = 0; r < 8; ++r) {
      const auto lane = static_cast<unsigned>(m * 8 + r);
      Thread& t = *block.threads[warp * kWarp + lane];
      const auto* row = static_cast<const char*>(static_cast<LdmatrixRecord*>(g.record[lane])->row);
      if (!block.has(row) || block.region_of(row, 16) == nullptr) {
        report("ldmatrix row outside shared memory at " + name_of(g.site) + ", " + name_of(t));
        continue;
      }
      if (reinterpret_cast<std::uintptr_t>(row) % 16 != 0)
        report("ldmatrix row not aligned to 16 bytes at " + name_of(g.site) + ", " + name_of(t));
      g_lane = &t;  // the code below acts as this lane
      check_access(row, 16, false, false, place_of(g.site));
      std::memcpy(matrix[r], row, 16);
      const std::uint32_t bank = 1u << (static_cast<std::uint32_t>(row - block.arena->bytes) / 16 % 8);
      conflict = conflict || (banks & bank) != 0;
      banks |= bank;
    }
    ++session().ldmatrix_phases;
    if (conflict) ++session().ldmatrix_conflicts;
    for (int lane = 0; lane < 32; ++lane) {
      auto& record = *static_cast<LdmatrixRecord*>(g.record[lane]);
      const int r = lane / 4, c = lane % 4 * 2;
      const std::uint32_t low = record.transposed ? matrix[c][r] : matrix[r][c],
                          high = record.transposed ? matrix[c + 1][r] : matrix[r][c + 1];
      record.out[m] = low | high << 16;
    }
  }
  g_lane = caller;
}

void multiply(const Gathering& g, const float (*a)[16], const float (*b)[16], int depth) {
  ++session().mma;
  for (int lane = 0; lane < 32; ++lane) {
    float* const d = static_cast<MmaRecord*>(g.record[lane])->d;
    const int row = lane / 4, column = lane % 4 * 2;
    for (int i = 0; i < 4; ++i) d[i] = dot(a[row + (i >> 1) * 8], b[column + (i & 1)], depth, d[i]);
  }
}

void run_mma_bf16(const Gathering& g) {
  float a[16][16], b[8][16];
  for (int lane = 0; lane < 32; ++lane) {
    const auto& record = *static_cast<MmaRecord*>(g.record[lane]);
    const int row = lane / 4, k = lane % 4 * 2;
    for (int half = 0; half < 2; ++half) {
      for (int i = 0; i < 4; ++i)
        a[row + (i & 1) * 8][k + half + (i >> 1) * 8] = from_bf16(record.a[i] >> (16 * half) & 0xFFFFu);
      for (int i = 0; i < 2; ++i) b[row][k + half + i * 8] = from_bf16(record.b[i] >> (16 * half) & 0xFFFFu);
    }
  }
  multiply(g, a, b, 16);
}

void run_mma_tf32(const Gathering& g) {
  constexpr std::uint32_t kBelow = 0x1FFF;  // bits that tf32 lacks
  float a[16][16], b[8][16];
  std::uint32_t lost = 0;
  for (int lane = 0; lane < 32; ++lane) {
    const auto& record = *static_cast<MmaRecord*>(g.record[lane]);
    const int row = lane / 4, k = lane % 4;
    for (int i = 0; i < 4; ++i) {
      lost |= record.a[i] & kBelow;
      a[row + (i & 1) * 8][k + (i >> 1) * 4] = __uint_as_float(record.a[i] & ~kBelow);
    }
    for (int i = 0; i < 2; ++i) {
      lost |= record.b[i] & kBelow;
      b[row][k + i * 4] = __uint_as_float(record.b[i] & ~kBelow);
    }
  }
  if (lost != 0) report("tf32 mma operand not rounded to tf32 at " + name_of(g.site));
  multiply(g, a, b, 8);
}

std::uint32_t bf16_bits(float x) {
  const std::uint32_t bits = __float_as_uint(x);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return 0x7FFF;  // the result of cvt for a NaN
  return (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
}

}  // namespace

void run_matrix_op(const Gathering& gathering, Block& block, unsigned warp) {
  if (gathering.op == Op::ldmatrix) run_ldmatrix(gathering, block, warp);
  if (gathering.op == Op::mma_bf16) run_mma_bf16(gathering);
  if (gathering.op == Op::mma_tf32) run_mma_tf32(gathering);
}

std::uint32_t pack_bf16(float low, float high) { return bf16_bits(low) | bf16_bits(high) << 16; }

float approximated(float value, float bound) { return value + options.approximation * bound; }

}  // namespace simt
