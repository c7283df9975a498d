// head.cu and input_gradient.cu against the heads of the reference, in double: the loss, the gradients and the gradient
// that bypasses the network, for each objective, in one group of directions and in several.
#include <cmath>

#include "cuda/kernel_term.h"
#include "kernels/random_perturbation.h"
#include "reference/heads/dsm.h"
#include "reference/heads/esm.h"
#include "reference/heads/ism.h"
#include "reference/heads/ssm.h"
#include "reference/heads/ssm_vr.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr double kUlp = 0x1p-23;

scorematch::Weighting random_weighting(RandomCase& random) {
  scorematch::Weighting weighting{static_cast<scorematch::Weighting::Kind>(random.integer(0, 7)), 0.7};
  weighting.gamma = 1.5;
  return weighting;
}

struct HeadCase {
  RandomCase random;
  enum class Kind { esm, dsm, ism, ssm, ssm_vr };
  bool mixed;  // 1/2 |s|^2 and sliced squares, which no objective combines
  Kind kind;
  bool sliced = kind == Kind::ssm || kind == Kind::ssm_vr;
  bool implicit = kind == Kind::ism;
  int dim = implicit ? random.integer(1, 12) : random_dim(random);
  std::int64_t batch = random.integer(1, 30), rows = rounded_up(batch, random.pick({1, 16, 64}));
  std::int64_t first = random.integer(0, 20), samples = first + batch;
  int directions = implicit ? dim : sliced ? random.integer(1, 5) : 0;
  int group = directions > 0 ? random.integer(1, directions) : 1;
  Projection distribution = random_distribution(random, dim, directions);
  bool given = sliced && random.chance(0.3);
  Element element = random.chance(0.5) ? Element::f32 : Element::bf16;
  RandomNoise noise{random};
  RandomSigma sigma{random, samples};
  RandomParameterization parameterization{random};
  scorematch::Weighting weighting = random_weighting(random);
  bool perturbed = kind == Kind::dsm || random.chance(0.5);
  double grad_factor = random.real(0.01, 2);
  int stride = static_cast<int>(rounded_up(dim, 8));
  std::vector<float> x = random.normals(samples * dim), output = random.normals(rows * stride),
                     jvp = random.normals(directions * rows * stride), true_score = random.normals(samples * dim),
                     given_directions = random.normals(directions * samples * dim),
                     weight = random.normals(random.chance(0.3) ? samples : 0);

  explicit HeadCase(std::uint64_t seed, bool is_mixed = false)
      : random(seed), mixed(is_mixed), kind(is_mixed ? Kind::ssm : static_cast<Kind>(random.integer(0, 4))) {}

  scorematch::Objective objective() const {
    switch (kind) {
      case Kind::esm:
        return Esm{};
      case Kind::dsm:
        return Dsm{};
      case Kind::ism:
        return Ism{};
      case Kind::ssm:
        return Ssm{directions, distribution};
      case Kind::ssm_vr:
        break;
    }
    return SsmVr{directions, distribution};
  }
};

/// The reference values of one sample, and the size of the terms that they sum.
struct Wanted {
  double loss, loss_size;
  std::vector<double> grad_output, grad_x, grad_size;
  std::vector<std::vector<double>> grad_jvp;
  std::vector<double> each_loss;
};

Wanted reference_of(const HeadCase& c, std::int64_t row) {
  const std::int64_t n = c.first + row;
  const auto dim = static_cast<std::size_t>(c.dim);
  const double sigma = static_cast<double>(static_cast<float>(c.sigma.of(c.noise, n)));
  const auto [a, b, k] = reference::coefficients(c.parameterization.value, sigma);
  reference::HeadInput<double> in;
  in.sigma = sigma;
  in.eps = c.perturbed ? reference::draw_eps(c.noise.of(n), c.dim) : std::vector<double>(dim, 0.0);
  std::vector<double> score, score_size;
  for (std::size_t i = 0; i < dim; ++i) {
    const double clean = c.x[static_cast<std::size_t>(n) * dim + i], shift = sigma * in.eps[i];
    const double f = c.output[static_cast<std::size_t>(row * c.stride) + i];
    score.push_back(a * (clean + shift) + b * f);
    score_size.push_back(std::abs(a) * (std::abs(clean) + std::abs(shift)) + std::abs(b * f));
    in.true_score.push_back(c.true_score[static_cast<std::size_t>(n) * dim + i]);
  }
  in.score = {score};
  double along_size = 0, largest_slice = 0;
  for (int m = 0; m < c.directions; ++m) {
    const auto plane = static_cast<std::size_t>(m);
    auto v = reference::draw_direction(c.noise.of(n), c.dim, c.distribution, static_cast<std::uint32_t>(m));
    if (c.implicit) v.assign(dim, 0.0), v[plane] = 1;
    std::vector<double> product;
    double slice_size = 0;
    for (std::size_t i = 0; i < dim; ++i) {
      if (c.given)
        v[i] =
            c.given_directions[(plane * static_cast<std::size_t>(c.samples) + static_cast<std::size_t>(n)) * dim + i];
      const double f = c.jvp[(plane * static_cast<std::size_t>(c.rows) + static_cast<std::size_t>(row)) *
                                 static_cast<std::size_t>(c.stride) +
                             i];
      product.push_back(a * v[i] + b * k * f);
      along_size += std::abs(v[i]) * (std::abs(a * v[i]) + std::abs(b * k * f));
      slice_size += std::abs(v[i]) * score_size[i];
    }
    largest_slice = std::max(largest_slice, slice_size);
    in.directions.push_back(v);
    in.jvp.push_back(product);
    if (c.implicit) in.trace += product[plane];
  }
  reference::HeadOutput<double> out =
      std::visit([&](const auto& objective) { return reference::head(objective, in); }, c.objective());
  if (c.mixed) {
    out.loss += reference::half_square(score);
    for (std::size_t i = 0; i < dim; ++i) out.grad_score[0][i] += score[i];
  }
  const double given = c.weight.empty() ? 1 : c.weight[static_cast<std::size_t>(n)];
  const double lambda = given * reference::weight(c.weighting, sigma), factor = lambda * c.grad_factor;
  Wanted wanted{lambda * out.loss, along_size + largest_slice * largest_slice, {}, {}, {}, {}, {}};
  for (const double each : out.direction_losses)
    wanted.each_loss.push_back(lambda * (each + (c.mixed ? reference::half_square(score) : 0)));
  for (std::size_t i = 0; i < dim; ++i) {
    double size = score_size[i];
    if (c.kind == HeadCase::Kind::dsm) size += std::abs(in.eps[i]) / sigma + 1e-6 / sigma;
    if (c.kind == HeadCase::Kind::esm) size += std::abs(in.true_score[i]);
    wanted.loss_size += size * size;
    if (c.kind == HeadCase::Kind::ssm)
      for (const auto& v : in.directions) size += largest_slice * std::abs(v[i]);
    wanted.grad_output.push_back(factor * b * out.grad_score[0][i]);
    wanted.grad_x.push_back(factor * a * out.grad_score[0][i]);
    wanted.grad_size.push_back(std::abs(factor) * size);
  }
  wanted.loss_size *= std::abs(lambda);
  const double share = factor * b * k * (c.implicit ? out.grad_trace : out.jvp_weight);
  for (auto each : in.directions) {
    for (double& v : each) v *= share;
    wanted.grad_jvp.push_back(each);
  }
  return wanted;
}

void run(std::uint64_t seed, bool mixed = false) {
  HeadCase c(seed, mixed);
  const DeviceArray<float> x(c.x), output(c.output), jvp(c.jvp), true_score(c.true_score), given(c.given_directions),
      weight(c.weight);
  std::vector<float> sigma_rows(static_cast<std::size_t>(c.rows), 1.0f);
  for (std::int64_t row = 0; row < c.batch; ++row)
    sigma_rows[static_cast<std::size_t>(row)] = static_cast<float>(c.sigma.of(c.noise, c.first + row));
  const DeviceArray<float> sigma(sigma_rows), loss(static_cast<std::size_t>(c.rows)),
      grad_score(static_cast<std::size_t>(c.rows * c.dim)), grad_x(static_cast<std::size_t>(c.batch * c.dim)),
      row_values(static_cast<std::size_t>(c.group * c.rows)),
      each_loss(static_cast<std::size_t>(c.directions * (c.batch + 1)));
  const ElementArray grad_output(c.element, static_cast<std::size_t>(c.rows * c.stride)),
      grad_jvp(c.element, static_cast<std::size_t>(c.directions * c.rows * c.stride)),
      v(c.element, static_cast<std::size_t>(c.group * c.rows * c.stride));
  const bool with_values = c.sliced && !c.given && has_row_values(c.distribution);
  const std::size_t element_bytes = c.element == Element::bf16 ? 2 : 4;

  HeadParams p;
  p.term = cuda::kernel_term(terms_of(c.objective())[0], c.parameterization.value);
  if (c.mixed) p.term.quadratic = 1;
  p.dim = c.dim, p.batch = c.batch, p.rows = c.rows, p.first = c.first;
  p.output = output.data(), p.output_stride = c.stride;
  p.jvp_plane = c.rows * c.stride, p.jvp_stride = c.stride;
  p.data = {{x.data(), c.dim}, c.samples, nullptr, false};
  p.noise = c.noise.get();
  p.sigma_rows = sigma.data();
  p.eps.perturbed = c.perturbed;
  p.true_score = {true_score.data(), c.dim};
  if (!c.weight.empty()) p.weight = {weight.data(), 1};
  p.directions.distribution = c.distribution, p.directions.is_basis = c.implicit;
  if (c.given) p.directions.given = given.data();
  p.directions.given_plane = c.samples * c.dim, p.directions.given_stride = c.dim;
  p.parameterization = c.parameterization.value;
  p.weighting = c.weighting;
  p.grad_factor = c.grad_factor;
  p.loss = loss.data();
  if (c.sliced) p.loss_per_direction = each_loss.data(), p.loss_per_direction_plane = c.batch + 1;
  p.grad_output = grad_output.data(), p.grad_output_stride = c.stride, p.grad_columns = c.stride;
  p.grad_jvp_plane = c.rows * c.stride, p.grad_jvp_stride = c.stride;
  p.grad_score = grad_score.data(), p.grad_score_stride = c.dim;
  p.grad_x = grad_x.data(), p.grad_x_stride = c.dim;
  for (int m = 0; m == 0 || m < c.directions; m += c.group) {
    p.first_direction = m;
    p.count = std::min(c.group, c.directions - m);
    p.first_group = m == 0, p.last_group = m + c.group >= c.directions;
    p.jvp = jvp.data() + m * p.jvp_plane;
    p.grad_jvp = static_cast<char*>(grad_jvp.data()) + static_cast<std::size_t>(m * p.grad_jvp_plane) * element_bytes;
    if (with_values) {
      DirectionsParams d;
      d.source = p.directions, d.noise = p.noise, d.dim = c.dim, d.first_direction = m, d.count = p.count;
      d.batch = c.batch, d.rows = c.rows, d.first = c.first;
      d.out = v.data(), d.plane = c.rows * c.stride, d.stride = c.stride, d.columns = c.stride,
      d.row_values = row_values.data();
      ASSERT_EQ(launch_directions(d, c.element, nullptr), 0);
      p.direction_values = row_values.data();
    }
    ASSERT_EQ(launch_head(p, c.element, nullptr), 0);
  }

  const auto losses = loss.read(), each_losses = each_loss.read(), grads = grad_output.read(),
             grad_tangents = grad_jvp.read(), gradients = grad_x.read();
  // Each sum has depth dim / lanes + 5, and its terms have at most a dozen roundings.
  const double ulps = 16 + c.dim / 4.0 + c.directions, rounding = ElementArray::rounding(c.element);
  for (std::int64_t row = 0; row < c.batch; ++row) {
    const Wanted wanted = reference_of(c, row);
    EXPECT_NEAR(losses[static_cast<std::size_t>(row)], wanted.loss, ulps * kUlp * wanted.loss_size) << "row " << row;
    for (std::size_t m = 0; m < wanted.each_loss.size(); ++m)
      EXPECT_NEAR(each_losses[m * static_cast<std::size_t>(c.batch + 1) + static_cast<std::size_t>(row)],
                  wanted.each_loss[m], ulps * kUlp * wanted.loss_size * c.directions)
          << "row " << row << " direction " << m;
    for (std::size_t i = 0; i < static_cast<std::size_t>(c.dim); ++i) {
      const double sigma_here = sigma_rows[static_cast<std::size_t>(row)];
      const auto k = reference::coefficients(c.parameterization.value, sigma_here);
      const double bound = ulps * kUlp * wanted.grad_size[i];
      EXPECT_NEAR(grads[static_cast<std::size_t>(row * c.stride) + i], wanted.grad_output[i],
                  std::abs(k.b) * bound + rounding * std::abs(wanted.grad_output[i]))
          << "row " << row << " column " << i;
      EXPECT_NEAR(gradients[static_cast<std::size_t>(row * c.dim) + i], wanted.grad_x[i], std::abs(k.a) * bound);
      for (std::size_t m = 0; m < wanted.grad_jvp.size(); ++m) {
        const double w = wanted.grad_jvp[m][i];
        EXPECT_NEAR(grad_tangents[(m * static_cast<std::size_t>(c.rows) + static_cast<std::size_t>(row)) *
                                      static_cast<std::size_t>(c.stride) +
                                  i],
                    w, (ulps * kUlp + rounding) * std::abs(w) + 1e-9 * std::abs(k.b));
      }
    }
  }
  for (std::int64_t row = 0; row < c.rows; ++row)
    for (int i = row < c.batch ? c.dim : 0; i < c.stride; ++i)
      EXPECT_EQ(grads[static_cast<std::size_t>(row * c.stride + i)], 0.0f)
          << "padding at row " << row << " column " << i;
}

/// ISM for a caller's network: the trace of dF/dz is given, without directions.
void run_with_trace(std::uint64_t seed) {
  HeadCase c(seed);
  const DeviceArray<float> x(c.x), output(c.output), trace(c.random.normals(c.batch));
  const DeviceArray<float> loss(static_cast<std::size_t>(c.batch)), grad_trace(static_cast<std::size_t>(c.batch));
  std::vector<float> sigma_rows(static_cast<std::size_t>(c.batch), 1.0f);
  for (std::int64_t row = 0; row < c.batch; ++row)
    sigma_rows[static_cast<std::size_t>(row)] = static_cast<float>(c.sigma.of(c.noise, c.first + row));
  const DeviceArray<float> sigma(sigma_rows);
  HeadParams p;
  p.term = cuda::kernel_term(terms_of(Ism{})[0], c.parameterization.value);
  p.dim = p.grad_columns = c.dim, p.batch = p.rows = c.batch, p.first = c.first;
  p.output = output.data(), p.output_stride = c.stride;
  p.trace = trace.data(), p.grad_trace = grad_trace.data();
  p.data = {{x.data(), c.dim}, c.samples, nullptr, false};
  p.noise = c.noise.get();
  p.sigma_rows = sigma.data();
  p.parameterization = c.parameterization.value;
  p.weighting = c.weighting;
  p.grad_factor = c.grad_factor;
  p.loss = loss.data();
  ASSERT_EQ(launch_head(p, Element::f32, nullptr), 0);
  const auto losses = loss.read(), grads = grad_trace.read(), traces = trace.read();
  for (std::int64_t row = 0; row < c.batch; ++row) {
    const auto r = static_cast<std::size_t>(row);
    const double sigma_here = sigma_rows[r], lambda = reference::weight(c.weighting, sigma_here);
    const auto [a, b, k] = reference::coefficients(c.parameterization.value, sigma_here);
    double wanted = a * c.dim + b * k * traces[r], size = std::abs(a * c.dim) + std::abs(b * k * traces[r]);
    for (std::size_t i = 0; i < static_cast<std::size_t>(c.dim); ++i) {
      const double clean = c.x[static_cast<std::size_t>(c.first + row) * static_cast<std::size_t>(c.dim) + i];
      const double f = c.output[r * static_cast<std::size_t>(c.stride) + i], s = a * clean + b * f;
      wanted += 0.5 * s * s;
      size += std::pow(std::abs(a * clean) + std::abs(b * f), 2);
    }
    EXPECT_NEAR(losses[r], lambda * wanted, (16 + c.dim / 4.0) * kUlp * lambda * size) << "row " << row;
    EXPECT_NEAR(grads[r], c.grad_factor * lambda * b * k, 4 * kUlp * std::abs(c.grad_factor * lambda * b * k));
  }
}

TEST(HeadKernel, AgreesWithTheReference) {
  for_each_seed(200, [](std::uint64_t seed) { run(seed); });
}
TEST(HeadKernel, TakesATermThatNoObjectiveHas) {
  for_each_seed(60, [](std::uint64_t seed) { run(seed, true); });
}
TEST(HeadKernel, TakesATraceInsteadOfDirections) { for_each_seed(100, run_with_trace); }

}  // namespace
}  // namespace kernels
}  // namespace scorematch
