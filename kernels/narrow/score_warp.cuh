// One warp of a narrow score kernel: 32 rows through the network in registers. As in compute.cuh, the sums of a layer,
// activated and rounded to bf16, are the operand of the next one in the same lane, and a lane has four neighboring
// columns of x and of the score. With (r, q) = (lane / 4, lane % 4), a lane has rows 16 t + r and 16 t + r + 8 of row
// tile t and, of step k, columns 16 k + 4 q ... 16 k + 4 q + 3. Two row tiles share each load of weights.
//
// For scores alone, the rows are 32 samples. With directions, row tile 0 has the values of 16 samples, and row tile 1
// the tangents of the same samples along one direction. So the slopes of a layer are used at once, and never saved;
// each direction computes the values again.
#pragma once
#include "device/coefficients.cuh"
#include "device/perturbation.cuh"
#include "narrow/block.cuh"
#include "narrow/narrow_launchers.h"
#include "narrow/score_shape.cuh"

namespace scorematch {
namespace kernels {

template <class Shape, bool kHasDirections>
class NarrowScoreWarp {
 public:
  static constexpr int kTiles = 2, kSamples = kHasDirections ? kNarrowDirectionRows : kNarrowScoreRows;

  SCOREMATCH_DEVICE NarrowScoreWarp(const FusedScoreParams& params, const NarrowScoreArrays<Shape>& arrays)
      : p_(params),
        arrays_(arrays),
        lane_(static_cast<int>(threadIdx.x) % 32),
        one_level_(params.batch.sigma.given == nullptr || params.batch.sigma.given_stride == 0) {
    const int own = one_level_ ? 0 : static_cast<int>(threadIdx.x) / 32 * 32;
    levels_ = arrays.levels + own;
    features_ = arrays.features + own * kNarrowFeatures;
    vectors_ = params.batch.dim % 4 == 0 && is_aligned(params.batch.data.x.data, params.batch.data.x.stride) &&
               is_aligned(params.score, params.score_stride) && is_aligned(params.jvp, params.jvp_stride) &&
               params.jvp_plane % 4 == 0;
  }

  /// Whether all samples have the same level. One warp of the block then finds it, before the first tile.
  SCOREMATCH_DEVICE bool has_one_level() const { return one_level_; }
  /// The levels of a tile, or the one of all samples. A lane has a row; if there is only one row, every lane finds its
  /// level, and a part of its features.
  SCOREMATCH_DEVICE void find_levels(std::int64_t first) const {
    if (!one_level_ && lane_ >= kSamples) return;
    const std::int64_t sample = first + lane_ < p_.samples ? first + lane_ : p_.samples - 1;
    const float sigma = sigma_of(p_.batch.sigma, p_.batch.noise, one_level_ ? 0 : sample);
    const int row = one_level_ ? 0 : lane_;
    if (!one_level_ || lane_ == 0) {
      const Coefficients k = coefficients(p_.batch.parameterization, sigma);
      levels_[row] = {k.a, k.b / Shape::scale, k.c};
    }
    if (p_.features.count == 0) return;
    const double log_sigma = log(static_cast<double>(sigma));
    SCOREMATCH_NO_UNROLL
    for (int i = one_level_ ? lane_ : 0; i < kNarrowFeatures; i += one_level_ ? 32 : 1)
      features_[row * kNarrowFeatures + i] =
          ptx::to_bf16(i < p_.features.count ? feature(p_.features, log_sigma, i) : 0.0f);
  }

  /// Loads x of the tile that starts with this sample, which may be past the last one.
  SCOREMATCH_DEVICE void begin_tile(std::int64_t first) {
    first_ = first;
    const std::int64_t left = p_.samples - first;
    samples_ = left < kSamples ? static_cast<int>(left) : kSamples;
    const Rows<const float> rows(*this, p_.batch.data.x.data, p_.batch.data.x.stride);
    if (vectors_) SCOREMATCH_UNROLL
    for (int k = 0; k < kSteps; ++k) load_x<true>(rows, k, x_[k]);
    else SCOREMATCH_UNROLL for (int k = 0; k < kSteps; ++k) load_x<false>(rows, k, x_[k]);
  }
  /// Processes the tile, after begin_tile(). The levels are there.
  SCOREMATCH_DEVICE void run_tile() {
    Operand<kSteps> input;
    form_input(input);
    if constexpr (!kHasDirections) {
      run_network(input, 0);
    } else {
      float divergence[2] = {0.0f, 0.0f};
      SCOREMATCH_NO_UNROLL
      for (int m = 0; m < p_.directions; ++m) {
        load_direction(m, input);
        along_[0] = along_[1] = 0.0f;
        run_network(input, m);
        SCOREMATCH_UNROLL
        for (int half = 0; half < 2; ++half) divergence[half] += quarter().sum(along_[half]) * p_.weight;
      }
      if (p_.divergence != nullptr && q() == 0) SCOREMATCH_UNROLL
      for (int half = 0; half < 2; ++half)
        if (is_sample(0, half)) ptx::in_global(p_.divergence)[first_ + row(0, half)] = divergence[half];
    }
  }

 private:
  static constexpr int kSteps = Shape::columns / 16, kHiddenSteps = Shape::hidden / 16,
                       kValueTiles = kHasDirections ? 1 : kTiles;
  template <int kCount>
  using Operand = std::uint32_t[kTiles][kCount][4];
  using Sums = float[kTiles][2][4];          // of 16 columns
  using Columns = float[kValueTiles][2][4];  // of a step of x: [t][half][e]

  SCOREMATCH_DEVICE int r() const { return lane_ >> 2; }
  SCOREMATCH_DEVICE int q() const { return lane_ & 3; }
  SCOREMATCH_DEVICE static RowLanes quarter() { return RowLanes(4); }  // the lanes of a row
  /// The first of this lane's columns of step k.
  SCOREMATCH_DEVICE int column(int k) const { return 16 * k + 4 * q(); }
  SCOREMATCH_DEVICE int row(int t, int half) const { return (kHasDirections ? 0 : 16 * t) + 8 * half + r(); }
  SCOREMATCH_DEVICE bool is_sample(int t, int half) const { return row(t, half) < samples_; }
  SCOREMATCH_DEVICE int level_row(int t, int half) const { return one_level_ ? 0 : row(t, half); }
  SCOREMATCH_DEVICE static constexpr bool is_tangent(int t) { return kHasDirections && t == 1; }
  SCOREMATCH_DEVICE static bool is_aligned(const float* table, std::int64_t stride) {
    return is_vector(table) && stride % 4 == 0;
  }

  /// Calls each(t, half) for the rows of this lane that have a value.
  template <class Each>
  SCOREMATCH_DEVICE static void for_each_row(const Each& each) {
    SCOREMATCH_UNROLL
    for (int t = 0; t < kValueTiles; ++t) SCOREMATCH_UNROLL
    for (int half = 0; half < 2; ++half) each(t, half);
  }
  /// This lane's first column in its rows of a table, and how many columns are left there: none past the last sample.
  template <class T>
  struct Rows {
    T* at[kValueTiles][2];
    int left[kValueTiles][2];

    SCOREMATCH_DEVICE Rows(const NarrowScoreWarp& w, T* table, std::int64_t stride) {
      for_each_row([&](int t, int half) {
        // The assembly in in_global() keeps the address in a register.
        at[t][half] = ptx::in_global(table + (w.first_ + w.row(t, half)) * stride + 4 * w.q());
        left[t][half] = w.is_sample(t, half) ? w.p_.batch.dim - 4 * w.q() : 0;
      });
    }
  };
  /// x of step k; zero from column dim and past the last sample.
  template <bool kVectors>
  SCOREMATCH_DEVICE static void load_x(const Rows<const float>& rows, int k, Columns& x) {
    for_each_row([&](int t, int half) {
      x[t][half][0] = x[t][half][1] = x[t][half][2] = x[t][half][3] = 0.0f;
      const int left = rows.left[t][half] - 16 * k;
      if (kVectors && left > 0) load4(rows.at[t][half] + 16 * k, x[t][half]);
      SCOREMATCH_UNROLL
      for (int e = 0; e < 4 && !kVectors; ++e)
        if (e < left) x[t][half][e] = rows.at[t][half][16 * k + e];
    });
  }
  /// Stores columns of step k.
  template <bool kVectors>
  SCOREMATCH_DEVICE static void store(const Rows<float>& rows, int k, const Columns& v) {
    for_each_row([&](int t, int half) {
      const int left = rows.left[t][half] - 16 * k;
      if (kVectors && left > 0) store4(rows.at[t][half] + 16 * k, v[t][half]);
      SCOREMATCH_UNROLL
      for (int e = 0; e < 4 && !kVectors; ++e)
        if (e < left) rows.at[t][half][16 * k + e] = v[t][half][e];
    });
  }

  /// The network input of the values: c x.
  SCOREMATCH_DEVICE void form_input(Operand<kSteps>& a) const {
    SCOREMATCH_UNROLL
    for (int t = 0; t < kValueTiles; ++t) SCOREMATCH_UNROLL
    for (int half = 0; half < 2; ++half) {
      const float c = levels_[level_row(t, half)].c;
      SCOREMATCH_UNROLL
      for (int k = 0; k < kSteps; ++k) set_input(a, t, half, k, c, x_[k][t][half]);
    }
  }
  SCOREMATCH_DEVICE static void set_input(Operand<kSteps>& a, int t, int half, int k, float c, const float (&v)[4]) {
    a[t][k][half] = ptx::pack_bf16(c * v[0], c * v[1]);
    a[t][k][2 + half] = ptx::pack_bf16(c * v[2], c * v[3]);
  }
  /// The network input of the tangents: v_m.
  SCOREMATCH_DEVICE void load_direction(int m, Operand<kSteps>& a) {
    SCOREMATCH_UNROLL
    for (int half = 0; half < 2; ++half) {
      const std::int64_t sample = is_sample(0, half) ? first_ + row(0, half) : p_.samples - 1;
      SampleDirection direction(p_.batch.directions, p_.batch.noise, m, sample, p_.batch.dim);
      direction.noise.is_fast = true;
      if (direction.has_row_value()) direction.find_row_value(true, quarter(), q());
      SCOREMATCH_UNROLL
      for (int k = 0; k < kSteps; ++k) {
        float(&v)[4] = direction_[half][k];
        v[0] = v[1] = v[2] = v[3] = 0.0f;
        if (column(k) < p_.batch.dim) direction.get4(4 * k + q(), v);
        set_input(a, 1, half, k, 1.0f, v);
      }
    }
  }

  /// 16 columns of a layer: c = bias + a W^T. @param rows  this lane's address in ldmatrix for those rows of W
  /// @param biases  of those columns
  template <int kCount>
  SCOREMATCH_DEVICE void multiply(Sums& c, const Operand<kCount>& a, ptx::SharedAddress rows,
                                  const float* biases) const {
    SCOREMATCH_UNROLL
    for (int n = 0; n < 2; ++n) {
      const float2 bias = *reinterpret_cast<const float2*>(biases + 8 * n + 2 * q());
      SCOREMATCH_UNROLL
      for (int t = 0; t < kTiles; ++t) {
        c[t][n][0] = c[t][n][2] = is_tangent(t) ? 0.0f : bias.x;
        c[t][n][1] = c[t][n][3] = is_tangent(t) ? 0.0f : bias.y;
      }
    }
    SCOREMATCH_UNROLL
    for (int k = 0; k < kCount; ++k) {
      std::uint32_t b[4];
      ptx::ldmatrix_x4(b, rows + static_cast<ptx::SharedAddress>(32 * k));
      SCOREMATCH_UNROLL
      for (int t = 0; t < kTiles; ++t) multiply_columns(c[t][0], c[t][1], a[t][k], b);
    }
  }
  /// c += e(sigma) W^T, with the columns of W for e(sigma). The tangents have none.
  SCOREMATCH_DEVICE void multiply_features(Sums& c, ptx::SharedAddress rows) const {
    std::uint32_t b[4];
    ptx::ldmatrix_x4(b, rows);
    SCOREMATCH_UNROLL
    for (int t = 0; t < kValueTiles; ++t) {
      std::uint32_t a[4];
      SCOREMATCH_UNROLL
      for (int half = 0; half < 2; ++half) {
        const uint2 four = *reinterpret_cast<const uint2*>(features_ + level_row(t, half) * kNarrowFeatures + 4 * q());
        a[half] = four.x, a[2 + half] = four.y;
      }
      multiply_columns(c[t][0], c[t][1], a, b);
    }
  }
  /// This lane's address in ldmatrix: matrices (row, chunk) 00, 01, 10, 11.
  SCOREMATCH_DEVICE ptx::SharedAddress row_address(int weights, int stride) const {
    const int m = lane_ >> 3;
    return ptx::shared_address(arrays_.weights) +
           static_cast<ptx::SharedAddress>(weights + ((m >> 1) * 8 + (lane_ & 7)) * stride + (m & 1) * 16);
  }

  /// h[t][j] = the activated sums.
  SCOREMATCH_DEVICE static void activate(const Sums& c, int j, Operand<kHiddenSteps>& h) {
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) {
      float slopes[2] = {};
      SCOREMATCH_UNROLL
      for (int t = 0; t < kTiles; ++t) {
        float v[2];
        SCOREMATCH_UNROLL
        for (int e = 0; e < 2; ++e) {
          const float u = c[t][i / 2][i % 2 * 2 + e];
          if (is_tangent(t)) {
            v[e] = fmaf(u, slopes[e], u);
          } else {
            const NarrowActivated phi = activate_narrow<Shape::activation>(u);
            v[e] = phi.value, slopes[e] = phi.slope;
          }
        }
        h[t][j][i] = ptx::pack_bf16(v[0], v[1]);
      }
    }
  }
  /// Pairs of bf16, added in float.
  SCOREMATCH_DEVICE static std::uint32_t sum_of(std::uint32_t x, std::uint32_t y) {
    return ptx::pack_bf16(__uint_as_float(x << 16) + __uint_as_float(y << 16),
                          __uint_as_float(x & 0xFFFF0000u) + __uint_as_float(y & 0xFFFF0000u));
  }
  template <class Each>
  SCOREMATCH_DEVICE static void for_each_pair(const Each& each) {
    SCOREMATCH_UNROLL
    for (int t = 0; t < kTiles; ++t) SCOREMATCH_UNROLL
    for (int j = 0; j < kHiddenSteps; ++j) SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) each(t, j, i);
  }

  /// From the input to the outputs; m is the number of the direction.
  SCOREMATCH_DEVICE void run_network(const Operand<kSteps>& input, int m) {
    const int depth = p_.net.hidden;
    Operand<kHiddenSteps> h;
    const ptx::SharedAddress first = row_address(0, Shape::stride(Shape::inputs));
    SCOREMATCH_UNROLL
    for (int j = 0; j < kHiddenSteps; ++j) {
      const ptx::SharedAddress rows = first + static_cast<ptx::SharedAddress>(16 * j * Shape::stride(Shape::inputs));
      Sums c;
      multiply(c, input, rows, arrays_.biases + 16 * j);
      if (p_.features.count > 0) multiply_features(c, rows + 2 * Shape::columns);
      activate(c, j, h);
    }
    ptx::SharedAddress rows = row_address(Shape::weights_at(1), Shape::stride(Shape::hidden));
    const float* biases = arrays_.biases + Shape::hidden;
    SCOREMATCH_NO_UNROLL
    for (int l = 1; l < depth; ++l, rows += Shape::hidden_bytes, biases += Shape::hidden) {
      Operand<kHiddenSteps> next;
      SCOREMATCH_UNROLL
      for (int j = 0; j < kHiddenSteps; ++j) {
        Sums c;
        multiply(c, h, rows + static_cast<ptx::SharedAddress>(16 * j * Shape::stride(Shape::hidden)), biases + 16 * j);
        activate(c, j, next);
      }
      if (p_.net.layers[l].residual)
        for_each_pair([&](int t, int j, int i) { next[t][j][i] = sum_of(next[t][j][i], h[t][j][i]); });
      for_each_pair([&](int t, int j, int i) { h[t][j][i] = next[t][j][i]; });
    }
    if constexpr (kHasDirections)
      vectors_ ? finish_tangents<true>(h, rows, biases, m) : finish_tangents<false>(h, rows, biases, m);
    else
      vectors_ ? finish_scores<true>(h, rows, biases) : finish_scores<false>(h, rows, biases);
  }

  /// The output layer, and the scores.
  template <bool kVectors>
  SCOREMATCH_DEVICE void finish_scores(const Operand<kHiddenSteps>& h, ptx::SharedAddress rows,
                                       const float* biases) const {
    const Rows<const float> from(*this, p_.batch.data.x.data, p_.batch.data.x.stride);
    const Rows<float> to(*this, p_.score, p_.score_stride);
    const auto finish = [&](int j) {
      Columns x;
      load_x<kVectors>(from, j, x);  // again, because the layers need the registers
      Sums c;
      multiply(c, h, rows + static_cast<ptx::SharedAddress>(16 * j * Shape::stride(Shape::hidden)), biases + 16 * j);
      for_each_row([&](int t, int half) {
        const NarrowLevel& level = levels_[level_row(t, half)];
        SCOREMATCH_UNROLL
        for (int e = 0; e < 4; ++e)
          x[t][half][e] = fmaf(level.a, x[t][half][e], level.b * c[t][e / 2][2 * half + e % 2]);
      });
      store<kVectors>(to, j, x);
    };
    if constexpr (kVectors) {
      SCOREMATCH_UNROLL
      for (int j = 0; j < kSteps; ++j)
        if (16 * j < p_.batch.dim) finish(j);
    } else {
      SCOREMATCH_NO_UNROLL
      for (int j = 0; 16 * j < p_.batch.dim; ++j) finish(j);
    }
  }
  /// The output layer, the scores if m = 0, the products J v_m, and this lane's part of v_m^T J v_m.
  template <bool kVectors>
  SCOREMATCH_DEVICE void finish_tangents(const Operand<kHiddenSteps>& h, ptx::SharedAddress rows, const float* biases,
                                         int m) {
    const Rows<const float> from(*this, p_.batch.data.x.data, p_.batch.data.x.stride);
    SCOREMATCH_UNROLL
    for (int j = 0; j < kSteps; ++j) {
      if (16 * j >= p_.batch.dim) continue;
      Sums c;
      multiply(c, h, rows + static_cast<ptx::SharedAddress>(16 * j * Shape::stride(Shape::hidden)), biases + 16 * j);
      Columns v;
      SCOREMATCH_UNROLL
      for (int half = 0; half < 2; ++half) {
        const NarrowLevel& level = levels_[level_row(0, half)];
        SCOREMATCH_UNROLL
        for (int e = 0; e < 4; ++e) {
          const float given = direction_[half][j][e];
          v[0][half][e] = fmaf(level.a, given, level.b * level.c * c[1][e / 2][2 * half + e % 2]);
          along_[half] = fmaf(given, v[0][half][e], along_[half]);
        }
      }
      if (p_.jvp != nullptr) store<kVectors>(Rows<float>(*this, p_.jvp + m * p_.jvp_plane, p_.jvp_stride), j, v);
      if (p_.score == nullptr || m > 0) continue;
      load_x<kVectors>(from, j, v);
      SCOREMATCH_UNROLL
      for (int half = 0; half < 2; ++half) {
        const NarrowLevel& level = levels_[level_row(0, half)];
        SCOREMATCH_UNROLL
        for (int e = 0; e < 4; ++e)
          v[0][half][e] = fmaf(level.a, v[0][half][e], level.b * c[0][e / 2][2 * half + e % 2]);
      }
      store<kVectors>(Rows<float>(*this, p_.score, p_.score_stride), j, v);
    }
  }

  const FusedScoreParams& p_;
  const NarrowScoreArrays<Shape>& arrays_;
  int lane_;
  bool one_level_;
  bool vectors_;  // whether all groups of x, the score and the products are aligned and complete
  NarrowLevel* levels_;
  bf16* features_;
  std::int64_t first_ = 0;  // sample of row 0
  int samples_ = 0;         // of the tile
  Columns x_[kSteps];
  float direction_[2][kSteps][4];  // v_m
  float along_[2];                 // this lane's part of v_m^T J v_m
};

}  // namespace kernels
}  // namespace scorematch
