// The gradient group: the weight gradients of all layers, whose sums stay in registers during the whole launch, and the
// noise levels of the next tile, which take long in double. Warp w has rows 16 w ... of every dW = grad_z^T h; both
// operands are read transposed from the panels that the compute group has written.
#pragma once
#include "device/head.cuh"
#include "device/perturbation.cuh"
#include "fused/fused_launchers.h"
#include "narrow/block.cuh"

namespace scorematch {
namespace kernels {

/// The factor of eps in s and, for a complete square, in the gradient of s: that of x_tilde times a, and that of the
/// target. In double, because the two nearly cancel for an EDM parameterization and a large sigma.
SCOREMATCH_DEVICE float narrow_eps_part(const BatchParams& batch, const Term& term, float sigma_float, bool is_square) {
  if (term.target == Term::Target::residual) return residual_noise(batch.parameterization, sigma_float);
  const double sigma = static_cast<double>(sigma_float), a = score_factor(batch.parameterization, sigma);
  const double linear =
      is_square && term.target == Term::Target::noise ? static_cast<double>(term.linear) / sigma : 0.0;
  return static_cast<float>(a * static_cast<double>(term.point) * sigma + linear);
}

template <class Shape>
class NarrowGradient {
 public:
  SCOREMATCH_DEVICE NarrowGradient(const FusedLossParams& params, const NarrowArrays<Shape>& arrays)
      : p_(params),
        arrays_(arrays),
        thread_(static_cast<int>(threadIdx.x) - Shape::group_threads),
        warp_(thread_ / 32),
        lane_(thread_ % 32),
        panels_(ptx::shared_address(arrays.panels), lane_) {}

  SCOREMATCH_DEVICE void clear() {
    SCOREMATCH_UNROLL
    for (auto& tile : sums_) SCOREMATCH_UNROLL
    for (float& each : tile) each = 0.0f;
  }

  /// Finds the levels of the block's tile number i. Two threads of different warps have a row: both draw sigma, because
  /// what follows from it are two long chains.
  SCOREMATCH_DEVICE void find_levels(std::int64_t first, int i) const {
    const int row = thread_ % Shape::rows, place = (i & 1) * Shape::rows + row;
    const bool is_sample = first + row < p_.samples;
    const std::int64_t sample = is_sample ? first + row : p_.samples - 1;
    if (thread_ < Shape::rows)
      find_input(sample, is_sample, place);
    else
      find_heads(sample, is_sample, i & 1, row);
    announce_levels<Shape>(i);
  }

  /// Adds the weight gradients of a tile, from the output layer to the first.
  template <int l = Shape::depth>
  SCOREMATCH_DEVICE void add_layers() {
    ptx::barrier_wait<narrow_barrier::kLayer + l, Shape::threads>();
    if (16 * warp_ < Shape::out_padded(l)) add_layer<l>();
    if constexpr (l > 0) add_layers<l - 1>();
  }

  /// Stores the sums of layer l and of the following ones in the part of this block, in the layout of FusedNet.
  template <int l = 0>
  SCOREMATCH_DEVICE void store_sums() const {
    const LayerPlace& place = p_.net.layers[l].place;
    float* const partial = ptx::in_global(p_.partial) + blockIdx.x * p_.partial_stride;
    SCOREMATCH_UNROLL
    for (int half = 0; half < 2; ++half) {
      int out = 16 * warp_ + 8 * half + (lane_ >> 2);
      if (l == Shape::depth) out = narrow_column(out);
      if (out >= Shape::out(l)) continue;
      const float(*sums)[4] = sums_ + Shape::gradients_at(l);
      float* const row = partial + place.weight_padded + std::int64_t{out} * place.in_padded;
      SCOREMATCH_UNROLL
      for (int j = 0; j < Shape::in_padded(l) / 8; ++j) {
        const int from = 8 * j + 2 * (lane_ & 3), column = l == 0 ? narrow_column(from) : from;
        // A network with fewer features has fewer columns of padding.
        if (Shape::any_terms && column >= place.in_padded) continue;
        *reinterpret_cast<float2*>(row + column) = make_float2(sums[j][2 * half], sums[j][2 * half + 1]);
      }
      if ((lane_ & 3) == 0)
        partial[p_.bias_offset + place.bias_padded + out] = sums[Shape::gradient_tiles(l) - 1][2 * half];
    }
    if constexpr (l < Shape::depth) store_sums<l + 1>();
  }

 private:
  SCOREMATCH_DEVICE void find_input(std::int64_t sample, bool is_sample, int place) const {
    const RowLevel level = find_level(p_.batch, p_.features, sample, true);
    const float c = is_sample ? level.c : 0.0f;
    arrays_.inputs[place] = {p_.batch.data.x.data + level.row() * p_.batch.data.x.stride, c, c * level.sigma};
    SCOREMATCH_UNROLL
    for (int k = 0; k < Shape::features; ++k)
      arrays_.features[place * Shape::features + k] =
          is_sample && k < p_.features.count ? feature(p_.features, level.log_sigma, k) : 0.0f;
  }
  SCOREMATCH_DEVICE void find_heads(std::int64_t sample, bool is_sample, int buffer, int row) const {
    const float sigma = sigma_of(p_.batch.sigma, p_.batch.noise, sample);
    const HeadRow values = head_row(p_.batch, p_.weighting, p_.grad_factor, Term::Target::noise, sigma, row, sample);
    SCOREMATCH_NO_UNROLL
    for (int which = 0; which < term_count<Shape>(p_); ++which) {
      const Term& term = p_.terms[which];
      float target = term.target == Term::Target::true_score ? term.linear : 0.0f;
      if (Shape::any_terms) target = term.linear * values.noise_target;
      NarrowHead head{values.a,
                      narrow_eps_part(p_.batch, term, sigma, !Shape::any_terms),
                      target,
                      values.b / Shape::scale,
                      values.output_factor,
                      values.x_factor,
                      values.loss_factor,
                      values.c / Shape::scale};
      if (!is_sample) head = NarrowHead{0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
      arrays_.heads[(buffer * Shape::most_terms + which) * Shape::rows + row] = head;
    }
  }

  template <int l>
  SCOREMATCH_DEVICE void add_layer() {
    float(*sums)[4] = sums_ + Shape::gradients_at(l);
    SCOREMATCH_UNROLL
    for (int k = 0; k < Shape::rows / 16; ++k) {
      std::uint32_t a[4];
      ptx::ldmatrix_x4_trans(a, (panels_.rows_first ^ static_cast<ptx::SharedAddress>(warp_ * 32)) +
                                    static_cast<ptx::SharedAddress>(Shape::grad_at(l) + k * 16 * 128));
      SCOREMATCH_UNROLL
      for (int j = 0; j < Shape::in_steps(l); ++j) {
        std::uint32_t b[4];
        ptx::ldmatrix_x4_trans(b, at_columns(panels_.columns_first, j, Shape::rows, Shape::h_at(l) + k * 16 * 128));
        multiply_columns(sums[2 * j], sums[2 * j + 1], a, b);
      }
      const std::uint32_t ones[2] = {0x3F803F80u, 0x3F803F80u};
      ptx::mma_bf16_m16n8k16(sums[Shape::gradient_tiles(l) - 1], a, ones);
    }
  }

  const FusedLossParams& p_;
  const NarrowArrays<Shape>& arrays_;
  int thread_, warp_, lane_;
  PanelLane panels_;
  float sums_[Shape::all_gradients][4];
};

}  // namespace kernels
}  // namespace scorematch
