#include "cpu/simd/noise.h"

#include <cstring>

#include "cpu/simd/targets.h"
#include "scorematch/distinct.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/noise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/simd/box_muller-inl.h"
#include "cpu/simd/partial-inl.h"
#include "cpu/simd/philox-inl.h"

HWY_BEFORE_NAMESPACE();
namespace scorematch {
namespace cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

namespace {

/// The position of the walk's next group.
struct Place {
  std::int64_t row = 0;
  std::uint32_t group = 0;

  HWY_INLINE void advance(std::uint32_t by, std::uint32_t groups) {
    group += by;
    row += group / groups;
    group %= groups;
  }
  HWY_INLINE void next(std::uint32_t groups) {
    if (++group == groups) *this = {row + 1, 0};
  }
};

/// Copies the first min(4, count) of four elements. The sizes are compile-time constants, because narrow rows do
/// nothing else.
HWY_INLINE void copy_group(const float* from, int count, float* to) {
  switch (count) {
    case 1:
      to[0] = from[0];
      break;
    case 2:
      std::memcpy(to, from, 2 * sizeof(float));
      break;
    case 3:
      std::memcpy(to, from, 3 * sizeof(float));
      break;
    default:
      std::memcpy(to, from, 4 * sizeof(float));
  }
}

/// Multiplies the signs of columns `first` ... first + 127 by a row of a Hadamard matrix.
HWY_INLINE void multiply_signs(std::uint32_t hadamard_row, std::uint32_t first, std::uint32_t* words) {
  for (std::uint32_t w = 0; w < 4; ++w) words[w] ^= distinct::hadamard_word(hadamard_row, first + 32 * w);
}

/// Writes the signs of the first `count` bits.
HWY_INLINE void expand_signs(const std::uint32_t* words, int count, float* out) {
  const hn::ScalableTag<float> d;
  const Words du;
  constexpr int kLanes = static_cast<int>(kGroupsAtOnce);
  const WordVec bits = hn::Shl(hn::Set(du, 1), hn::Iota(du, 0));
  const auto one = hn::Set(d, 1.0f), minus_one = hn::Set(d, -1.0f);
  int i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const WordVec word = hn::Set(du, words[i / 32] >> (i & 31));
    hn::StoreU(hn::IfThenElse(hn::RebindMask(d, hn::TestBit(word, bits)), minus_one, one), d, out + i);
  }
  for (; i < count; ++i)
    out[i] = 1.0f - static_cast<float>(words[i / 32] >> (i & 31) & 1) * 2.0f;  // no branch: bits are random
}

}  // namespace

void fill_normal(const Draw& draw, int rows, int dim, float* out, std::int64_t stride) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const auto groups = static_cast<std::uint32_t>((dim + 3) / 4);
  const bool dense = dim % 4 == 0 && stride == dim;
  GroupWalk walk(draw, groups);
  float lanes[4 * kGroupsAtOnce];
  for (Place at; at.row < rows; at.advance(kGroupsAtOnce, groups)) {
    WordVec w0, w1, w2, w3;
    walk.next(w0, w1, w2, w3);
    V n0, n1, n2 = hn::Zero(d), n3 = n2;
    box_muller(d, w0, w1, n0, n1);
    if (dim > 2) box_muller(d, w2, w3, n2, n3);
    float* to = out + at.row * stride + std::int64_t{4} * at.group;
    const std::int64_t left = dense ? (rows - at.row) * dim : dim;
    if (std::int64_t{4} * (at.group + std::int64_t{kGroupsAtOnce}) <= left) {
      hn::StoreInterleaved4(n0, n1, n2, n3, d, to);
      continue;
    }
    hn::StoreInterleaved4(n0, n1, n2, n3, d, lanes);
    Place piece = at;
    for (std::size_t i = 0; i < kGroupsAtOnce && piece.row < rows; ++i) {
      const int first = 4 * static_cast<int>(piece.group);
      copy_group(lanes + 4 * i, dim - first, out + piece.row * stride + first);
      piece.next(groups);
    }
  }
}

void fill_signs(const Draw& draw, int rows, int dim, float* out, std::int64_t stride,
                const std::uint32_t* hadamard_rows) {
  const Words du;
  const auto groups = static_cast<std::uint32_t>((dim + 127) / 128);
  GroupWalk walk(draw, groups);
  std::uint32_t words[4 * kGroupsAtOnce];
  for (Place at; at.row < rows;) {
    WordVec w0, w1, w2, w3;
    walk.next(w0, w1, w2, w3);
    hn::StoreInterleaved4(w0, w1, w2, w3, du, words);
    for (std::size_t i = 0; i < kGroupsAtOnce && at.row < rows; ++i) {
      const int first = 128 * static_cast<int>(at.group);
      if (hadamard_rows != nullptr) multiply_signs(hadamard_rows[at.row], 128 * at.group, words + 4 * i);
      expand_signs(words + 4 * i, HWY_MIN(128, dim - first), out + at.row * stride + first);
      at.next(groups);
    }
  }
}

void fill_fourier(const double* ln_sigma, int rows, const double* frequencies, int count, float* out,
                  std::int64_t stride) {
  const hn::ScalableTag<double> dd;
  const hn::Rebind<float, decltype(dd)> d;
  const hn::Rebind<std::int32_t, decltype(dd)> di;
  const hn::Rebind<std::uint32_t, decltype(dd)> du;
  using V = hn::Vec<decltype(d)>;
  for (int row = 0; row < rows; ++row) {
    float* sines = out + row * stride;
    const auto factor = hn::Set(dd, ln_sigma[row]);
    for_each_vector(dd, count, [&](std::int64_t k, auto access) HWY_ATTR {
      const auto turns = hn::Mul(factor, access.load(dd, frequencies + k));
      const auto quarters = hn::Mul(hn::Set(dd, 4.0), hn::Sub(turns, hn::Round(turns)));
      const auto q = hn::Round(quarters);
      const auto q_top = hn::ShiftLeft<30>(hn::BitCast(du, hn::DemoteTo(di, q)));
      V sine, cosine;
      sin_cos_quarters(d, q_top, hn::DemoteTo(d, hn::Sub(quarters, q)), sine, cosine);
      access.store(sine, d, sines + k);
      access.store(cosine, d, sines + count + k);
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace cpu
}  // namespace scorematch
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scorematch {
namespace cpu {

HWY_EXPORT(fill_normal);
HWY_EXPORT(fill_signs);
HWY_EXPORT(fill_fourier);

void fill_normal(const Draw& draw, int rows, int dim, float* out, std::int64_t stride) {
  HWY_DYNAMIC_DISPATCH(fill_normal)(draw, rows, dim, out, stride);
}

void fill_signs(const Draw& draw, int rows, int dim, float* out, std::int64_t stride,
                const std::uint32_t* hadamard_rows) {
  HWY_DYNAMIC_DISPATCH(fill_signs)(draw, rows, dim, out, stride, hadamard_rows);
}

void fill_fourier(const double* ln_sigma, int rows, const double* frequencies, int count, float* out,
                  std::int64_t stride) {
  HWY_DYNAMIC_DISPATCH(fill_fourier)(ln_sigma, rows, frequencies, count, out, stride);
}

}  // namespace cpu
}  // namespace scorematch
#endif  // HWY_ONCE
