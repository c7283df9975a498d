// Philox4x32-10 on vectors: the words of consecutive (sample, group) pairs, one pair per 32-bit lane.
#if defined(SCOREMATCH_CPU_PHILOX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SCOREMATCH_CPU_PHILOX_INL_H_
#undef SCOREMATCH_CPU_PHILOX_INL_H_
#else
#define SCOREMATCH_CPU_PHILOX_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

#include "cpu/simd/noise.h"
#include "scorematch/philox.h"

HWY_BEFORE_NAMESPACE();
namespace scorematch {
namespace cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Words = hn::ScalableTag<std::uint32_t>;
using WordVec = hn::Vec<Words>;
constexpr std::uint32_t kGroupsAtOnce = hn::MaxLanes(Words());

#if HWY_TARGET == HWY_SCALAR

/// Walks the groups of rows 0, 1, ..., one at a time.
class GroupWalk {
 public:
  GroupWalk(const Draw& draw, std::uint32_t groups) : draw_(draw), groups_(groups), sample_(draw.first_sample) {}

  HWY_INLINE void next(WordVec& w0, WordVec& w1, WordVec& w2, WordVec& w3) {
    const auto block =
        philox::philox4x32_10(philox::counter(draw_.purpose, draw_.step, sample_, group_, draw_.direction), draw_.seed);
    const Words d;
    w0 = hn::Set(d, block.word[0]);
    w1 = hn::Set(d, block.word[1]);
    w2 = hn::Set(d, block.word[2]);
    w3 = hn::Set(d, block.word[3]);
    if (++group_ == groups_) {
      group_ = 0;
      ++sample_;
    }
  }

 private:
  Draw draw_;
  std::uint32_t groups_, group_ = 0;
  std::uint64_t sample_;
};

#else

/// Walks the groups of rows 0, 1, ..., kGroupsAtOnce at a time.
///
/// A word is held in the low half of a 64-bit lane, and MulEven ignores the high half. The low half of a product is
/// then the product itself, and a round is two multiplications, two shifts and two xors. Even and odd groups are two
/// independent chains that are interleaved only at the end.
class GroupWalk {
  using Wide = hn::ScalableTag<std::uint64_t>;
  using Signed = hn::ScalableTag<std::int64_t>;
  using WideVec = hn::Vec<Wide>;
  using SignedVec = hn::Vec<Signed>;

 public:
  HWY_INLINE GroupWalk(const Draw& draw, std::uint32_t groups) : draw_(draw), groups_(groups) {
    const Signed d;
    HWY_ALIGN std::int64_t sample[2][hn::MaxLanes(d)], group[2][hn::MaxLanes(d)];
    for (std::uint32_t i = 0; i < kGroupsAtOnce; ++i) {
      sample[i & 1][i >> 1] = static_cast<std::int64_t>(draw.first_sample + i / groups);
      group[i & 1][i >> 1] = static_cast<std::int64_t>(i % groups);
    }
    even_.sample = hn::Load(d, sample[0]);
    even_.group = hn::Load(d, group[0]);
    odd_.sample = hn::Load(d, sample[1]);
    odd_.group = hn::Load(d, group[1]);
  }

  HWY_INLINE void next(WordVec& w0, WordVec& w1, WordVec& w2, WordVec& w3) {
    const Wide d;
    State a = counter(even_), b = counter(odd_);
    auto k0 = static_cast<std::uint32_t>(draw_.seed), k1 = static_cast<std::uint32_t>(draw_.seed >> 32);
    for (int i = 0; i < 10; ++i) {
      const WideVec key0 = hn::Set(d, k0), key1 = hn::Set(d, k1);
      round(a, key0, key1);
      round(b, key0, key1);
      k0 += philox::kWeyl0;
      k1 += philox::kWeyl1;
    }
    w0 = interleave(a.c0, b.c0);
    w1 = interleave(a.c1, b.c1);
    w2 = interleave(a.c2, b.c2);
    w3 = interleave(a.c3, b.c3);
    advance(even_);
    advance(odd_);
  }

 private:
  struct Position {
    SignedVec sample, group;

    HWY_INLINE Position() {}  // as in activation_math-inl.h
  };
  struct State {
    WideVec c0, c1, c2, c3;
  };

  /// philox::counter
  HWY_INLINE State counter(const Position& at) const {
    const Wide d;
    const auto c = philox::counter(draw_.purpose, draw_.step, 0, 0, draw_.direction);
    const WideVec sample = hn::BitCast(d, at.sample);
    const WideVec high = hn::And(hn::ShiftRight<32>(sample), hn::Set(d, 0xFFFFu));
    return {sample, hn::Or(hn::BitCast(d, at.group), hn::Set(d, c.word[1])), hn::Set(d, c.word[2]),
            hn::Or(high, hn::Set(d, c.word[3]))};
  }

  static HWY_INLINE WideVec multiply(WideVec word, std::uint32_t factor) {
    const Words d;
    return hn::MulEven(hn::BitCast(d, word), hn::Set(d, factor));
  }

  static HWY_INLINE void round(State& s, WideVec key0, WideVec key1) {
    const WideVec p0 = multiply(s.c0, philox::kMultiplier0), p1 = multiply(s.c2, philox::kMultiplier1);
    s = {hn::Xor3(hn::ShiftRight<32>(p1), s.c1, key0), p1, hn::Xor3(hn::ShiftRight<32>(p0), s.c3, key1), p0};
  }

  static HWY_INLINE WordVec interleave(WideVec even, WideVec odd) {
    const Words d;
    return hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(odd)), hn::BitCast(d, even));
  }

  HWY_INLINE void advance(Position& at) const {
    const Signed d;
    const SignedVec groups = hn::Set(d, std::int64_t{groups_});
    const SignedVec group = hn::Add(at.group, hn::Set(d, static_cast<std::int64_t>(kGroupsAtOnce % groups_)));
    const SignedVec sample = hn::Add(at.sample, hn::Set(d, static_cast<std::int64_t>(kGroupsAtOnce / groups_)));
    const SignedVec stays = hn::VecFromMask(d, hn::Gt(groups, group));  // -1 where the next group is in the same row
    at.group = hn::Sub(group, hn::AndNot(stays, groups));
    at.sample = hn::Add(sample, hn::Add(stays, hn::Set(d, 1)));
  }

  Draw draw_;
  std::uint32_t groups_;
  Position even_, odd_;
};

#endif  // HWY_TARGET

}  // namespace HWY_NAMESPACE
}  // namespace cpu
}  // namespace scorematch
HWY_AFTER_NAMESPACE();

#endif  // include guard
