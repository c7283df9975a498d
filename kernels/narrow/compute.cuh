// A warp of the compute group: 16 rows of a tile through the whole network, forward and backward, in registers. The
// sums of a layer (C fragments), activated and rounded to bf16, are the operand of the next one (A fragments) in the
// same lane. With (r, q) = (lane / 4, lane % 4), a lane has rows r and r + 8 and, of the 16 columns of step k of the
// input and of the output, columns 16 k + 4 q ... 16 k + 4 q + 3.
//
// The operands of weight gradients go to panels, from which the gradient group reads them (gradient.cuh).
#pragma once
#include "device/perturbation.cuh"
#include "narrow/activation.cuh"
#include "narrow/loss_parameters.cuh"

namespace scorematch {
namespace kernels {

template <class Shape>
class NarrowCompute {
 public:
  SCOREMATCH_DEVICE NarrowCompute(const FusedLossParams& params, const NarrowArrays<Shape>& arrays)
      : p_(params),
        arrays_(arrays),
        warp_(static_cast<int>(threadIdx.x) / 32),
        lane_(static_cast<int>(threadIdx.x) % 32),
        weights_(ptx::shared_address(arrays.weights), lane_),
        noise_(sample_noise(params.batch.noise, 0)) {
    noise_.is_fast = true;
    own_ = static_cast<std::uint32_t>((warp_ * 16 + r()) * 128 + r() * 16 + q() * 4);
  }

  /// Loads x of the block's tile number i, whose levels are there as soon as the barrier ends.
  SCOREMATCH_DEVICE void begin_tile(int i) {
    wait_for_levels<Shape>(i);
    load_rows(i);
  }

  /// Processes tile number i of the block, after begin_tile(i). @param more  whether another one follows
  SCOREMATCH_DEVICE void run_tile(std::int64_t first, bool more, int i) {
    first_ = first, number_ = i, more_ = more;
    SCOREMATCH_NO_UNROLL
    for (which_ = 0; which_ < term_count<Shape>(p_); ++which_) {
      std::uint32_t a[Shape::in_steps(0)][4];
      perturb(a);
      forward<0>(a);
    }
  }

 private:
  static constexpr int kColumns = Shape::out_steps(Shape::depth);  // steps of x
  using Row = float[kColumns][4];

  SCOREMATCH_DEVICE int r() const { return lane_ >> 2; }
  SCOREMATCH_DEVICE int q() const { return lane_ & 3; }
  /// The row in the tile of this lane's half 0 or 1.
  SCOREMATCH_DEVICE int row(int half) const { return warp_ * 16 + 8 * half + r(); }
  SCOREMATCH_DEVICE bool is_sample(int half) const { return first_ + row(half) < p_.samples; }
  /// The sample of a row; of padding, the last one.
  SCOREMATCH_DEVICE std::int64_t sample(int half) const {
    return is_sample(half) ? first_ + row(half) : p_.samples - 1;
  }
  SCOREMATCH_DEVICE const NarrowInput& input(int i, int half) const {
    return arrays_.inputs[(i & 1) * Shape::rows + row(half)];
  }
  SCOREMATCH_DEVICE const NarrowHead& head(int half) const {
    return arrays_.heads[((number_ & 1) * Shape::most_terms + which()) * Shape::rows + row(half)];
  }
  SCOREMATCH_DEVICE int which() const { return Shape::any_terms ? which_ : 0; }
  SCOREMATCH_DEVICE bool is_last_term() const { return which() + 1 == term_count<Shape>(p_); }
  /// Where this lane saves eps of group 4 k + q of a row.
  SCOREMATCH_DEVICE float4& saved_eps(int k, int half) const {
    return arrays_.eps[(half * kColumns + k) * Shape::group_threads + static_cast<int>(threadIdx.x)];
  }

  SCOREMATCH_DEVICE void load_rows(int i) {
    SCOREMATCH_UNROLL
    for (int half = 0; half < 2; ++half) load_row(input(i, half).x, x_[half]);
  }

  /// This lane's columns of a row; zero from column dim.
  SCOREMATCH_DEVICE void load_row(const float* from, Row& v) const {
    SCOREMATCH_UNROLL
    for (int k = 0; k < kColumns; ++k)
      if (4 * (4 * k + q()) < Shape::dim)
        read4(ptx::in_global(from), 4 * k + q(), Shape::dim, v[k]);
      else
        v[k][0] = v[k][1] = v[k][2] = v[k][3] = 0.0f;
  }

  /// eps of group 4 k + q of a row.
  SCOREMATCH_DEVICE void draw(int k, int half, float (&eps)[4]) const {
    SCOREMATCH_UNROLL
    for (float& each : eps) each = 0.0f;
    const int group = 4 * k + q();
    if (!p_.batch.eps.perturbed || 4 * group >= Shape::dim) return;
    const Table& given = p_.batch.eps.given;
    if (given.data != nullptr)
      return read4(ptx::in_global(given.data) + sample(half) * given.stride, group, Shape::dim, eps);
    SampleNoise noise = noise_;
    noise.sample += static_cast<std::uint64_t>(first_ + row(half));
    noise.normals4(noise.block(philox::Purpose::eps, static_cast<std::uint32_t>(group)), eps);
    clear_from(Shape::dim, group, eps);
  }

  /// draw(), which any terms after the first one find where it has been saved.
  SCOREMATCH_DEVICE void draw_once(int k, int half, float (&eps)[4]) const {
    if (Shape::any_terms && which_ > 0) return load4(&saved_eps(k, half).x, eps);
    draw(k, half, eps);
    if (Shape::any_terms) store4(&saved_eps(k, half).x, eps);
  }

  /// The operand of layer 0; x_ becomes the part of the gradient of s (for any terms, of s) that the network is not
  /// needed for.
  SCOREMATCH_DEVICE void perturb(std::uint32_t (&a)[Shape::in_steps(0)][4]) {
    SCOREMATCH_UNROLL
    for (int half = 0; half < 2; ++half) {
      const NarrowInput& level = input(number_, half);
      const NarrowHead& factors = head(half);
      const float c = level.c, c_step = p_.terms[which()].point * level.c_step, x_part = factors.x_part,
                  eps_part = factors.eps_part;
      const float* features = arrays_.features + ((number_ & 1) * Shape::rows + row(half)) * Shape::features;
      SCOREMATCH_UNROLL
      for (int k = 0; k < Shape::in_steps(0); ++k) {
        float v[4] = {};
        if (k < kColumns) {
          float eps[4];
          draw_once(k, half, eps);
          float(&x)[4] = x_[half][k < kColumns ? k : 0];
          SCOREMATCH_UNROLL
          for (int e = 0; e < 4; ++e) {
            v[e] = fmaf(c_step, eps[e], c * x[e]);
            x[e] = fmaf(eps_part, eps[e], x_part * x[e]);
          }
        }
        SCOREMATCH_UNROLL
        for (int e = 0; e < 4 && 16 * k + 16 > Shape::dim; ++e) {
          const int feature = 16 * k + 4 * q() + e - Shape::dim;
          if (feature >= 0 && feature < Shape::features) v[e] = features[feature];
        }
        a[k][half] = ptx::pack_bf16(v[0], v[1]);
        a[k][2 + half] = ptx::pack_bf16(v[2], v[3]);
      }
    }
    if (!Shape::any_terms && p_.terms[0].target == Term::Target::true_score) add_true_score();
  }
  SCOREMATCH_DEVICE void add_true_score() {
    SCOREMATCH_UNROLL
    for (int half = 0; half < 2; ++half) {
      Row target;
      load_row(p_.batch.true_score.data + sample(half) * p_.batch.true_score.stride, target);
      const float factor = head(half).target_part;
      SCOREMATCH_UNROLL
      for (int k = 0; k < kColumns; ++k) SCOREMATCH_UNROLL
      for (int e = 0; e < 4; ++e) x_[half][k][e] = fmaf(factor, target[k][e], x_[half][k][e]);
    }
  }

  /// Stores fragments in this warp's rows of a panel. Four words of eight rows are in different banks.
  template <int kSteps>
  SCOREMATCH_DEVICE void store_panel(int panel, const std::uint32_t (&a)[kSteps][4]) const {
    SCOREMATCH_UNROLL
    for (int k = 0; k < kSteps; ++k) SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) {
      const std::uint32_t at =
          at_columns(own_ ^ static_cast<std::uint32_t>(i / 2 * 16), k, Shape::rows, panel + i % 2 * 1024);
      *reinterpret_cast<std::uint32_t*>(arrays_.panels + at) = a[k][i];
    }
  }

  /// From the operand of layer l to the head.
  template <int l>
  SCOREMATCH_DEVICE void forward(const std::uint32_t (&a)[Shape::in_steps(l)][4]) {
    float c[Shape::out_padded(l) / 8][4];
    const float4* biases = arrays_.biases + Shape::biases_at(l) + q();
    SCOREMATCH_UNROLL
    for (int j = 0; j < Shape::out_padded(l) / 8; ++j) {
      const float4 b = biases[4 * j];
      c[j][0] = b.x, c[j][1] = b.y, c[j][2] = b.z, c[j][3] = b.w;
    }
    SCOREMATCH_UNROLL
    for (int k = 0; k < Shape::in_steps(l); ++k) SCOREMATCH_UNROLL
    for (int j = 0; j < Shape::out_steps(l); ++j) {
      std::uint32_t b[4];
      ptx::ldmatrix_x4(b,
                       at_columns(weights_.rows_first, k, Shape::out_padded(l), Shape::weights_at(l) + j * 16 * 128));
      multiply_columns(c[2 * j], c[2 * j + 1], a[k], b);
    }
    if (has_backward_pass(p_)) {
      if (l == 0 && (number_ > 0 || which() > 0)) ptx::barrier_wait<narrow_barrier::kFree, Shape::threads>();
      store_panel(Shape::h_at(l), a);
    }
    if constexpr (l == Shape::depth) {
      run_head(c);
    } else {
      std::uint32_t h[Shape::out_steps(l)][4];
      SCOREMATCH_UNROLL
      for (int k = 0; k < Shape::out_steps(l); ++k) SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) {
        const float* u = &c[2 * k + i / 2][i % 2 * 2];
        const NarrowActivated low = activate_narrow<Shape::activation>(u[0]),
                              high = activate_narrow<Shape::activation>(u[1]);
        h[k][i] = ptx::pack_bf16(low.value, high.value);
        slopes_[l][k][i][0] = low.slope, slopes_[l][k][i][1] = high.slope;
      }
      forward<l + 1>(h);
    }
  }

  /// The losses of the rows and, if wanted, their gradients.
  SCOREMATCH_DEVICE void run_head(const float (&c)[Shape::out_padded(Shape::depth) / 8][4]) {
    std::uint32_t grad[kColumns][4];
    float losses[2];
    const float quadratic = p_.terms[which()].quadratic;
    SCOREMATCH_UNROLL
    for (int half = 0; half < 2; ++half) {
      const float b = head(half).b, output_factor = head(half).output_factor, target_part = head(half).target_part;
      float loss = 0.0f;
      SCOREMATCH_UNROLL
      for (int k = 0; k < kColumns; ++k) {
        float g[4], eps[4] = {};
        if (Shape::any_terms) load4(&saved_eps(k, half).x, eps);
        SCOREMATCH_UNROLL
        for (int e = 0; e < 4; ++e) {
          g[e] = fmaf(b, c[2 * k + e / 2][2 * half + e % 2], x_[half][k][e]);
          if constexpr (Shape::any_terms) {
            const float s = g[e], linear = target_part * eps[e];
            loss = fmaf(fmaf(0.5f * quadratic, s, linear), s, loss);
            g[e] = fmaf(quadratic, s, linear);
          } else {
            loss = fmaf(0.5f * g[e], g[e], loss);
          }
        }
        grad[k][half] = ptx::pack_bf16(output_factor * g[0], output_factor * g[1]);
        grad[k][2 + half] = ptx::pack_bf16(output_factor * g[2], output_factor * g[3]);
        if (p_.grad_x != nullptr) store_direct_grad_x(k, half, g);
      }
      losses[half] = loss;
    }
    store_losses(losses);
    if (has_backward_pass(p_)) return backward<Shape::depth>(grad);
    if (is_last_term()) ptx::barrier_arrive<narrow_barrier::kFree, Shape::threads>();
    load_what_follows();
  }
  /// Loads x of the next term or of the next tile.
  SCOREMATCH_DEVICE void load_what_follows() {
    if (!is_last_term())
      load_rows(number_);
    else if (more_)
      begin_tile(number_ + 1);
  }

  SCOREMATCH_DEVICE float* grad_x_of(int half) const {
    return ptx::in_global(p_.grad_x) + (first_ + row(half)) * p_.grad_x_stride;
  }
  /// The part of grad_x that bypasses the network.
  SCOREMATCH_DEVICE void store_direct_grad_x(int k, int half, const float (&g)[4]) const {
    const float factor = head(half).x_factor;
    if (!is_sample(half)) return;
    float direct[4] = {factor * g[0], factor * g[1], factor * g[2], factor * g[3]};
    if (Shape::any_terms && which_ > 0) {
      float before[4];
      read4(grad_x_of(half), 4 * k + q(), Shape::dim, before);
      SCOREMATCH_UNROLL
      for (int e = 0; e < 4; ++e) direct[e] += before[e];
    }
    write4(grad_x_of(half), 4 * k + q(), Shape::dim, direct);
  }
  /// Adds the gradient of the network input.
  SCOREMATCH_DEVICE void add_grad_x(const float (&c)[Shape::in_padded(0) / 8][4], const float (&factors)[2]) const {
    SCOREMATCH_UNROLL
    for (int half = 0; half < 2; ++half) {
      if (!is_sample(half)) continue;
      SCOREMATCH_UNROLL
      for (int k = 0; k < kColumns; ++k) {
        float grad[4];
        read4(grad_x_of(half), 4 * k + q(), Shape::dim, grad);
        SCOREMATCH_UNROLL
        for (int e = 0; e < 4; ++e) grad[e] = fmaf(factors[half], c[2 * k + e / 2][2 * half + e % 2], grad[e]);
        write4(grad_x_of(half), 4 * k + q(), Shape::dim, grad);
      }
    }
  }

  /// The lanes of a row add their parts; lane q = half adds the terms, and stores the loss after the last one.
  SCOREMATCH_DEVICE void store_losses(float (&losses)[2]) const {
    SCOREMATCH_UNROLL
    for (int half = 0; half < 2; ++half) {
      losses[half] += __shfl_xor_sync(0xFFFFFFFFu, losses[half], 1);
      losses[half] += __shfl_xor_sync(0xFFFFFFFFu, losses[half], 2);
    }
    const int half = q();
    if (half > 1 || !is_sample(half)) return;
    float sum = half == 0 ? losses[0] : losses[1];
    if constexpr (Shape::any_terms) {
      if (which_ > 0) sum += arrays_.term_losses[row(half)];
      arrays_.term_losses[row(half)] = sum;
      if (!is_last_term()) return;
    }
    const float loss = head(half).loss_factor * sum;
    arrays_.loss_sums[row(half)].add(loss);
    if (p_.loss_per_sample != nullptr) ptx::in_global(p_.loss_per_sample)[first_ + row(half)] = loss;
  }

  /// From the gradient of z of layer l (of F in the output layer) to the input.
  template <int l>
  SCOREMATCH_DEVICE void backward(const std::uint32_t (&a)[Shape::out_steps(l)][4]) {
    // Once the last layer is there, the next tile's levels may replace this one's.
    const float input_factors[2] = {head(0).input_factor, head(1).input_factor};
    store_panel(Shape::grad_at(l), a);
    ptx::barrier_arrive<narrow_barrier::kLayer + l, Shape::threads>();
    if (l == Shape::depth - 1) load_what_follows();  // when slopes have become free
    if (l == 0 && p_.grad_x == nullptr) return;
    float c[Shape::in_padded(l) / 8][4] = {};
    SCOREMATCH_UNROLL
    for (int k = 0; k < Shape::out_steps(l); ++k) SCOREMATCH_UNROLL
    for (int j = 0; j < Shape::in_steps(l); ++j) {
      std::uint32_t b[4];
      ptx::ldmatrix_x4_trans(
          b, at_columns(weights_.columns_first, j, Shape::out_padded(l), Shape::weights_at(l) + k * 16 * 128));
      multiply_columns(c[2 * j], c[2 * j + 1], a[k], b);
    }
    if constexpr (l == 0) {
      add_grad_x(c, input_factors);
    } else {
      std::uint32_t grad[Shape::in_steps(l)][4];
      SCOREMATCH_UNROLL
      for (int k = 0; k < Shape::in_steps(l); ++k) SCOREMATCH_UNROLL
      for (int i = 0; i < 4; ++i) {
        const float *above = &c[2 * k + i / 2][i % 2 * 2], *slope = slopes_[l - 1][k][i];
        grad[k][i] = ptx::pack_bf16(fmaf(above[0], slope[0], above[0]), fmaf(above[1], slope[1], above[1]));
      }
      backward<l - 1>(grad);
    }
  }

  const FusedLossParams& p_;
  const NarrowArrays<Shape>& arrays_;
  int warp_, lane_;
  PanelLane weights_;
  std::uint32_t own_;  // offset of this lane's first word in a panel
  SampleNoise noise_;  // of sample 0
  std::int64_t first_ = 0;
  int number_ = 0;
  bool more_ = false;
  int which_ = 0;  // the term
  Row x_[2];       // of the tile to come; then the known part of its gradient of s
  float slopes_[Shape::depth][Shape::hidden / 16][4][2];
};

}  // namespace kernels
}  // namespace scorematch
