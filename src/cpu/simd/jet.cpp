#include "cpu/simd/jet.h"

#include "cpu/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/simd/jet.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/simd/partial-inl.h"
#include "cpu/simd/sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace scorematch {
namespace cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;

void tangent_forward(std::int64_t n, const float* d1, const float* z_dot, const float* residual, float* h_dot) {
  const Floats d;
  if (residual == nullptr) {
    for_each_vector(d, n, [=](std::int64_t i, auto at) HWY_ATTR {
      at.store(hn::Mul(at.load(d, d1 + i), at.load(d, z_dot + i)), d, h_dot + i);
    });
  } else {
    for_each_vector(d, n, [=](std::int64_t i, auto at) HWY_ATTR {
      at.store(hn::MulAdd(at.load(d, d1 + i), at.load(d, z_dot + i), at.load(d, residual + i)), d, h_dot + i);
    });
  }
}

void tangent_backward(std::int64_t n, const float* d1, const float* d2, const float* z_dot, const float* grad_h_dot,
                      float* grad_z_dot, float* acc) {
  const Floats d;
  for_each_vector(d, n, [=](std::int64_t i, auto at) HWY_ATTR {
    const auto grad = at.load(d, grad_h_dot + i);
    const auto curvature = hn::Mul(at.load(d, d2 + i), at.load(d, z_dot + i));
    at.store(hn::MulAdd(curvature, grad, at.load(d, acc + i)), d, acc + i);
    at.store(hn::Mul(at.load(d, d1 + i), grad), d, grad_z_dot + i);
  });
}

void add_squares(std::int64_t n, const float* z_dot, float* q) {
  const Floats d;
  for_each_vector(d, n, [=](std::int64_t i, auto at) HWY_ATTR {
    const auto z = at.load(d, z_dot + i);
    at.store(hn::MulAdd(z, z, at.load(d, q + i)), d, q + i);
  });
}

void second_forward(std::int64_t n, const float* d1, const float* d2, const float* z2, const float* q,
                    const float* residual, float* h2) {
  const Floats d;
  for_each_vector(d, n, [=](std::int64_t i, auto at) HWY_ATTR {
    auto sum = hn::Mul(at.load(d, d2 + i), at.load(d, q + i));
    if (residual != nullptr) sum = hn::Add(sum, at.load(d, residual + i));
    at.store(hn::MulAdd(at.load(d, d1 + i), at.load(d, z2 + i), sum), d, h2 + i);
  });
}

void second_backward(std::int64_t n, const float* d1, const float* d2, const float* d3, const float* z2, const float* q,
                     const float* grad_h2, float* grad_z2, float* acc) {
  const Floats d;
  for_each_vector(d, n, [=](std::int64_t i, auto at) HWY_ATTR {
    const auto grad = at.load(d, grad_h2 + i);
    const auto bend =
        hn::MulAdd(at.load(d, d2 + i), at.load(d, z2 + i), hn::Mul(at.load(d, d3 + i), at.load(d, q + i)));
    at.store(hn::Mul(bend, grad), d, acc + i);
    at.store(hn::Mul(at.load(d, d1 + i), grad), d, grad_z2 + i);
  });
}

void curved_tangent_backward(std::int64_t n, const float* d1, const float* d2, const float* z_dot,
                             const float* grad_h_dot, const float* grad_h2, float* grad_z_dot, float* acc) {
  const Floats d;
  for_each_vector(d, n, [=](std::int64_t i, auto at) HWY_ATTR {
    const auto grad = at.load(d, grad_h_dot + i);
    const auto curvature = hn::Mul(at.load(d, d2 + i), at.load(d, z_dot + i));
    at.store(hn::MulAdd(curvature, grad, at.load(d, acc + i)), d, acc + i);
    const auto twice = hn::Mul(hn::Add(curvature, curvature), at.load(d, grad_h2 + i));
    at.store(hn::MulAdd(at.load(d, d1 + i), grad, twice), d, grad_z_dot + i);
  });
}

void primal_backward(std::int64_t n, const float* d1, const float* acc, const float* grad_h, float* grad_z) {
  tangent_forward(n, d1, grad_h, acc, grad_z);
}

void add(std::int64_t n, const float* x, const float* y, float* sum) {
  const Floats d;
  for_each_vector(d, n, [=](std::int64_t i, auto at) HWY_ATTR {
    at.store(hn::Add(at.load(d, x + i), at.load(d, y + i)), d, sum + i);
  });
}

void add_column_sums(int rows, int width, std::int64_t stride, const float* m, float* sums) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t col = 0;
  for (; col + 4 * lanes <= width; col += 4 * lanes) {  // four chains hide the latency of an addition
    auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
    for (int row = 0; row < rows; ++row) {
      const float* from = m + row * stride + col;
      s0 = hn::Add(s0, hn::LoadU(d, from));
      s1 = hn::Add(s1, hn::LoadU(d, from + lanes));
      s2 = hn::Add(s2, hn::LoadU(d, from + 2 * lanes));
      s3 = hn::Add(s3, hn::LoadU(d, from + 3 * lanes));
    }
    float* to = sums + col;
    hn::StoreU(hn::Add(hn::LoadU(d, to), s0), d, to);
    hn::StoreU(hn::Add(hn::LoadU(d, to + lanes), s1), d, to + lanes);
    hn::StoreU(hn::Add(hn::LoadU(d, to + 2 * lanes), s2), d, to + 2 * lanes);
    hn::StoreU(hn::Add(hn::LoadU(d, to + 3 * lanes), s3), d, to + 3 * lanes);
  }
  for_each_vector(d, width - col, [=](std::int64_t i, auto at) HWY_ATTR {
    const float* from = m + col + i;
    auto sum = hn::Zero(d);
    for (int row = 0; row < rows; ++row) sum = hn::Add(sum, at.load(d, from + row * stride));
    at.store(hn::Add(at.load(d, sums + col + i), sum), d, sums + col + i);
  });
}

void perturb_rows(int rows, int width, const float* x, const float* shift, const float* eps, const float* c, float* sum,
                  float* out, std::int64_t stride) {
  const Floats d;
  for (int r = 0; r < rows; ++r) {
    const std::int64_t row = std::int64_t{r} * width;
    const auto by = hn::Set(d, shift[r]), factor = hn::Set(d, c[r]);
    for_each_vector(d, width, [=](std::int64_t i, auto at) HWY_ATTR {
      const auto there = hn::Add(at.load(d, x + row + i), hn::Mul(by, at.load(d, eps + row + i)));
      at.store(there, d, sum + row + i);
      if (out != nullptr) at.store(hn::Mul(factor, there), d, out + r * stride + i);
    });
  }
}

void scale_rows(int rows, int width, const float* factor, const float* m, float* out) {
  const Floats d;
  for (int row = 0; row < rows; ++row) {
    const auto f = hn::Set(d, factor[row]);
    const float* from = m + std::int64_t{row} * width;
    float* to = out + std::int64_t{row} * width;
    for_each_vector(d, width,
                    [=](std::int64_t i, auto at) HWY_ATTR { at.store(hn::Mul(f, at.load(d, from + i)), d, to + i); });
  }
}

void add_scaled_rows(int rows, int width, const float* factor, const float* m, float* out) {
  const Floats d;
  for (int row = 0; row < rows; ++row) {
    const auto f = hn::Set(d, factor[row]);
    const float* from = m + std::int64_t{row} * width;
    float* to = out + std::int64_t{row} * width;
    for_each_vector(d, width, [=](std::int64_t i, auto at) HWY_ATTR {
      at.store(hn::MulAdd(f, at.load(d, from + i), at.load(d, to + i)), d, to + i);
    });
  }
}

void dot_rows(int rows, int width, const float* a, const float* b, double* out) {
  for (int row = 0; row < rows; ++row) {
    const std::int64_t begin = std::int64_t{row} * width;
    out[row] = sum_of_products(width, a + begin, b + begin);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace cpu
}  // namespace scorematch
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scorematch {
namespace cpu {

HWY_EXPORT(tangent_forward);
HWY_EXPORT(tangent_backward);
HWY_EXPORT(add_squares);
HWY_EXPORT(second_forward);
HWY_EXPORT(second_backward);
HWY_EXPORT(curved_tangent_backward);
HWY_EXPORT(primal_backward);
HWY_EXPORT(add);
HWY_EXPORT(add_column_sums);
HWY_EXPORT(perturb_rows);
HWY_EXPORT(scale_rows);
HWY_EXPORT(add_scaled_rows);
HWY_EXPORT(dot_rows);

void tangent_forward(std::int64_t n, const float* d1, const float* z_dot, const float* residual, float* h_dot) {
  HWY_DYNAMIC_DISPATCH(tangent_forward)(n, d1, z_dot, residual, h_dot);
}

void tangent_backward(std::int64_t n, const float* d1, const float* d2, const float* z_dot, const float* grad_h_dot,
                      float* grad_z_dot, float* acc) {
  HWY_DYNAMIC_DISPATCH(tangent_backward)(n, d1, d2, z_dot, grad_h_dot, grad_z_dot, acc);
}

void add_squares(std::int64_t n, const float* z_dot, float* q) { HWY_DYNAMIC_DISPATCH(add_squares)(n, z_dot, q); }

void second_forward(std::int64_t n, const float* d1, const float* d2, const float* z2, const float* q,
                    const float* residual, float* h2) {
  HWY_DYNAMIC_DISPATCH(second_forward)(n, d1, d2, z2, q, residual, h2);
}

void second_backward(std::int64_t n, const float* d1, const float* d2, const float* d3, const float* z2, const float* q,
                     const float* grad_h2, float* grad_z2, float* acc) {
  HWY_DYNAMIC_DISPATCH(second_backward)(n, d1, d2, d3, z2, q, grad_h2, grad_z2, acc);
}

void curved_tangent_backward(std::int64_t n, const float* d1, const float* d2, const float* z_dot,
                             const float* grad_h_dot, const float* grad_h2, float* grad_z_dot, float* acc) {
  HWY_DYNAMIC_DISPATCH(curved_tangent_backward)(n, d1, d2, z_dot, grad_h_dot, grad_h2, grad_z_dot, acc);
}

void primal_backward(std::int64_t n, const float* d1, const float* acc, const float* grad_h, float* grad_z) {
  HWY_DYNAMIC_DISPATCH(primal_backward)(n, d1, acc, grad_h, grad_z);
}

void add(std::int64_t n, const float* x, const float* y, float* sum) { HWY_DYNAMIC_DISPATCH(add)(n, x, y, sum); }

void add_column_sums(int rows, int width, std::int64_t stride, const float* m, float* sums) {
  HWY_DYNAMIC_DISPATCH(add_column_sums)(rows, width, stride, m, sums);
}

void perturb_rows(int rows, int width, const float* x, const float* shift, const float* eps, const float* c, float* sum,
                  float* out, std::int64_t stride) {
  HWY_DYNAMIC_DISPATCH(perturb_rows)(rows, width, x, shift, eps, c, sum, out, stride);
}

void scale_rows(int rows, int width, const float* factor, const float* m, float* out) {
  HWY_DYNAMIC_DISPATCH(scale_rows)(rows, width, factor, m, out);
}

void add_scaled_rows(int rows, int width, const float* factor, const float* m, float* out) {
  HWY_DYNAMIC_DISPATCH(add_scaled_rows)(rows, width, factor, m, out);
}

void dot_rows(int rows, int width, const float* a, const float* b, double* out) {
  HWY_DYNAMIC_DISPATCH(dot_rows)(rows, width, a, b, out);
}

}  // namespace cpu
}  // namespace scorematch
#endif  // HWY_ONCE
