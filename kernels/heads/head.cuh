// What a head is made of. A head says which parts its objective has,
//
//   kDirections      share v^T J v for each direction      kSlicedSquare   + share (v^T s)^2 / 2 for each
//   kScoreTerm       ScoreTerm<kTile>: a function of s alone, with its adjoint, four columns at a time; kTile is where
//                    a tile's arrays lie, F, its adjoint and eps that was kept: in shared memory in fused kernels
//
// and row.cuh walks a row through them. A head is made for a row, so that what its groups have in common is found once.
// A new objective is a new file beside this one and a case in all.cuh.
#pragma once
#include "device/coefficients.cuh"
#include "device/noise.cuh"

namespace scorematch {
namespace kernels {

/// One sample, as all lanes of its row know it.
struct HeadRow {
  std::int64_t row, sample;  // of the chunk; of the call
  float sigma, a, b, c;
  float inverse_sigma;
  float loss_factor;                          // lambda
  float output_factor, x_factor, jvp_factor;  // lambda loss_scale / samples of the whole batch, times b, a and b c
};

SCOREMATCH_DEVICE HeadRow head_row(const HeadParams& p, std::int64_t row) {
  HeadRow r{row, p.first + row, 1.0f, 0.0f, 1.0f, 1.0f, 1.0f, 1.0f, 0.0f, 0.0f, 0.0f};
  if (row >= p.batch) return r;
  r.sigma = p.sigma_rows != nullptr ? ptx::in_global(p.sigma_rows)[row] : sigma_of(p.sigma, p.noise, r.sample);
  const Coefficients k = coefficients(p.parameterization, r.sigma);
  const double lambda = weight(p.weighting, r.sigma), factor = lambda * p.grad_factor;
  r.a = k.a;
  r.b = k.b;
  r.c = k.c;
  r.loss_factor = static_cast<float>(lambda);
  r.inverse_sigma = 1.0f / r.sigma;
  r.output_factor = static_cast<float>(factor * static_cast<double>(k.b));
  r.x_factor = static_cast<float>(factor * static_cast<double>(k.a));
  r.jvp_factor = static_cast<float>(factor * static_cast<double>(k.b) * static_cast<double>(k.c));
  return r;
}

/// s = a x_tilde + b F of a row that is a sample, four columns at a time; zero from dim on.
template <Space kTile = Space::global>
struct SampleScore {
  const float *output, *x;  // x null where a = 0
  SampleEps<kTile> eps;
  float a, b, step;
  int dim;

  SCOREMATCH_DEVICE SampleScore(const HeadParams& p, const HeadRow& r)
      : output(p.output + r.row * p.output_stride),
        x(r.a == 0.0f ? nullptr : data_row(p.data, p.noise, r.sample)),
        eps(p.eps, p.noise, r.sample, p.dim),
        a(r.a),
        b(r.b),
        step(p.term.point * r.sigma),
        dim(p.dim) {}

  SCOREMATCH_DEVICE void get4(int group, float (&s)[4]) const {
    read4(ptx::in<kTile>(output), group, dim, s);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) s[i] *= b;
    if (x == nullptr) return;
    float point[4], noise[4] = {};
    read4(ptx::in_global(x), group, dim, point);
    if (eps.is_perturbed) eps.get4(group, noise);
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) s[i] = fmaf(a, fmaf(step, noise[i], point[i]), s[i]);
  }
};

/// l += 1/2 |s|^2, whose adjoint is s.
struct HalfSquareTerm {
  SCOREMATCH_DEVICE HalfSquareTerm(const HeadParams&, const HeadRow&) {}
  SCOREMATCH_DEVICE void add4(int, const float (&s)[4], float& loss, float (&grad)[4]) const {
    SCOREMATCH_UNROLL
    for (int i = 0; i < 4; ++i) {
      grad[i] = s[i];
      loss = fmaf(0.5f * s[i], s[i], loss);
    }
  }
};

}  // namespace kernels
}  // namespace scorematch
