// energy_head.cu and log_density.cu against the formulas in double: the loss along directions, drawn and given, in one
// group and in several, the gradients of every channel, and the gradient that bypasses the network.
#include <cmath>

#include "kernels/random_perturbation.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr double kUlp = 0x1p-23;

struct EnergyHeadCase {
  RandomCase random;
  bool sliced = random.chance(0.5), implicit = !sliced && random.chance(0.4);
  int dim = implicit ? random.integer(1, 12) : random_dim(random);
  std::int64_t batch = random.integer(1, 20), rows = rounded_up(batch, random.pick({1, 16, 64}));
  std::int64_t first = random.integer(0, 20), samples = first + batch;
  int directions = implicit ? dim : random.integer(1, 5), group = random.integer(1, directions);
  Projection distribution = random_distribution(random, dim, directions);
  bool given = !implicit && random.chance(0.3);
  bool with_values = !implicit && !given && has_row_values(distribution);
  Element element = random.chance(0.5) ? Element::f32 : Element::bf16;
  RandomNoise noise{random};
  RandomSigma sigma{random, samples};
  RandomParameterization parameterization{random};
  bool weighted = random.chance(0.5), perturbed = random.chance(0.5), adds = random.chance(0.4);
  double grad_factor = random.real(0.01, 2), weight = implicit ? 1 : 1.0 / directions, point = random.pick({0, 1, -1});
  int stride = 8;
  std::vector<float> x = random.normals(samples * dim), tangents = random.normals(directions * rows * stride),
                     second = random.normals(rows * stride), before = random.normals(batch * (1 + dim)),
                     given_directions = random.normals(directions * samples * dim);

  explicit EnergyHeadCase(std::uint64_t seed) : random(seed) {}

  std::vector<double> direction(int m, std::int64_t n) const {
    auto v = reference::draw_direction(noise.of(n), dim, distribution, static_cast<std::uint32_t>(m));
    for (int i = 0; i < dim; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (implicit) v[at] = i == m;
      if (given) v[at] = given_directions[static_cast<std::size_t>((m * samples + n) * dim + i)];
    }
    return v;
  }
};

void run(std::uint64_t seed) {
  EnergyHeadCase c(seed);
  const DeviceArray<float> x(c.x), tangents(c.tangents), second(c.second), given(c.given_directions),
      row_values(static_cast<std::size_t>(c.group * c.rows)),
      loss(std::vector<float>(c.before.begin(), c.before.begin() + c.batch)),
      grad_x(std::vector<float>(c.before.begin() + c.batch, c.before.end()));
  const auto channel = static_cast<std::size_t>(c.rows * c.stride);
  const ElementArray grad_tangent(c.element, static_cast<std::size_t>(c.directions) * channel),
      grad_second(c.element, channel), grad_unit(c.element, channel), grad_value(c.element, channel);
  EnergyHeadParams p;
  p.head.term.has_directions = true, p.head.term.sliced_square = c.sliced;
  p.head.dim = c.dim, p.head.batch = c.batch, p.head.rows = c.rows, p.head.first = c.first;
  p.head.jvp_plane = c.rows * c.stride, p.head.jvp_stride = c.stride;
  p.head.data.x = {x.data(), c.dim};
  p.head.noise = c.noise.get(), p.head.sigma = c.sigma.source, p.head.eps.perturbed = c.perturbed;
  p.head.directions.distribution = c.distribution, p.head.directions.is_basis = c.implicit;
  if (c.given) p.head.directions = {c.distribution, c.implicit, given.data(), c.samples * c.dim, c.dim};
  p.head.term.weight = static_cast<float>(c.weight);
  p.head.parameterization = c.parameterization.value;
  if (c.weighted) p.head.weighting = {Weighting::Kind::edm, 0.7};
  p.head.term.point = static_cast<float>(c.point);
  p.head.grad_factor = c.grad_factor, p.head.add_loss = c.adds;
  p.head.loss = loss.data();
  p.head.grad_x = c.sliced ? grad_x.data() : nullptr, p.head.grad_x_stride = c.dim;
  p.head.grad_columns = c.stride, p.head.grad_jvp_plane = c.rows * c.stride, p.head.grad_jvp_stride = c.stride;
  for (int m = 0; m < c.directions; m += c.group) {
    const bool is_last = m + c.group >= c.directions;
    p.head.first_direction = m, p.head.count = std::min(c.group, c.directions - m);
    p.head.first_group = m == 0;
    p.head.jvp = c.sliced ? tangents.data() + m * p.head.jvp_plane : nullptr;
    p.head.grad_jvp = static_cast<char*>(grad_tangent.data()) +
                      m * p.head.jvp_plane * static_cast<std::int64_t>(c.element == Element::bf16 ? 2 : 4);
    if (is_last) {
      p.second = second.data();
      p.grad_second = grad_second.data(), p.grad_unit = grad_unit.data(), p.grad_value = grad_value.data();
    }
    if (c.with_values) {
      DirectionsParams d;
      d.source = p.head.directions, d.noise = p.head.noise, d.dim = c.dim, d.first_direction = m;
      d.count = p.head.count, d.batch = c.batch, d.rows = c.rows, d.first = c.first;
      d.columns = c.dim, d.row_values = row_values.data();
      ASSERT_EQ(launch_directions(d, Element::f32, nullptr), 0);
      p.head.direction_values = row_values.data();
    }
    ASSERT_EQ(launch_energy_head(p, c.element, nullptr), 0);
  }

  const auto losses = loss.read(), grads = grad_x.read(), grad_tangents = grad_tangent.read(),
             grad_seconds = grad_second.read(), grad_units = grad_unit.read(), grad_values = grad_value.read();
  const auto near = [&](float got, double want, double bound, const char* what, std::int64_t row) {
    EXPECT_NEAR(static_cast<double>(got), want, bound + ElementArray::rounding(c.element) * std::abs(want))
        << what << " row " << row;
  };
  for (std::int64_t row = 0; row < c.rows; ++row) {
    const bool sample = row < c.batch;
    const std::int64_t n = c.first + row;
    const double sigma = sample ? static_cast<double>(static_cast<float>(c.sigma.of(c.noise, n))) : 1;
    const auto [a, b, k] = reference::coefficients(c.parameterization.value, sigma);
    const double lambda = c.weighted ? reference::weight(scorematch::Weighting(weighting::Edm{0.7}), sigma) : 1;
    const double factor = sample ? lambda * c.grad_factor * c.weight : 0;
    const auto at = [&](int column) { return static_cast<std::size_t>(row * c.stride + column); };
    for (int column = 0; column < c.stride; ++column) {
      EXPECT_EQ(grad_units[at(column)], column == 0 ? 1 : 0);
      EXPECT_EQ(grad_values[at(column)], 0);
      const double want = column == 0 ? factor * b * k : 0;
      near(grad_seconds[at(column)], want, 4 * kUlp * std::abs(want), "second", row);
    }
    std::vector<double> want_grad_x(static_cast<std::size_t>(c.dim), 0), grad_x_size(want_grad_x);
    const auto eps = c.perturbed && sample ? reference::draw_eps(c.noise.of(n), c.dim)
                                           : std::vector<double>(static_cast<std::size_t>(c.dim), 0);
    double wanted = 0, size = 0;
    for (int m = 0; m < c.directions; ++m) {
      const auto v = sample ? c.direction(m, n) : std::vector<double>(static_cast<std::size_t>(c.dim), 0);
      double along = 0, along_size = 0, square = 0;
      for (int i = 0; sample && i < c.dim; ++i) {
        const auto j = static_cast<std::size_t>(i);
        const double clean = c.x[static_cast<std::size_t>(n * c.dim + i)], shift = c.point * sigma * eps[j];
        along += v[j] * (clean + shift),
            along_size += std::abs(v[j]) * (std::abs(clean) + std::abs(shift) + 1e-6 * sigma);
        square += v[j] * v[j];
      }
      const double tangent = c.tangents[static_cast<std::size_t>((m * c.rows + row) * c.stride)];
      const double slice = c.sliced && sample ? a * along + b * tangent : 0;
      const double slice_size = std::abs(a) * along_size + std::abs(b * tangent);
      wanted += a * square + 0.5 * slice * slice;
      size += std::abs(a) * square + (c.sliced ? slice_size * slice_size : 0);
      const double ulps = 16 + c.dim / 4.0;
      for (int column = 0; column < c.stride; ++column)
        near(grad_tangents[static_cast<std::size_t>(m * c.rows * c.stride) + at(column)],
             column == 0 ? factor * b * slice : 0, ulps * kUlp * factor * std::abs(b) * slice_size, "tangent", row);
      for (std::size_t i = 0; i < want_grad_x.size(); ++i) {
        want_grad_x[i] += factor * a * slice * v[i];
        grad_x_size[i] += factor * std::abs(a) * slice_size * (std::abs(v[i]) + 1e-6);
      }
    }
    if (!sample) continue;
    const auto row_index = static_cast<std::size_t>(row);
    const double f = c.second[at(0)], old = c.adds ? static_cast<double>(c.before[row_index]) : 0;
    wanted = lambda * c.weight * (wanted + b * k * f) + old;
    size = lambda * c.weight * (size + std::abs(b * k * f)) + std::abs(old);
    EXPECT_NEAR(static_cast<double>(losses[row_index]), wanted, (24 + c.dim / 4.0 + c.directions) * kUlp * size + 1e-9)
        << "loss of row " << row;
    for (std::size_t i = 0; c.sliced && i < want_grad_x.size(); ++i) {
      const std::size_t j = row_index * want_grad_x.size() + i;
      const double kept = c.adds ? static_cast<double>(c.before[static_cast<std::size_t>(c.batch) + j]) : 0;
      EXPECT_NEAR(static_cast<double>(grads[j]), want_grad_x[i] + kept,
                  (24 + c.dim / 4.0 + c.directions) * kUlp * (grad_x_size[i] + std::abs(kept)))
          << "grad_x of row " << row;
    }
  }
}

TEST(EnergyHeadKernel, AgreesWithTheFormulas) { for_each_seed(80, run); }

void log_density(std::uint64_t seed) {
  RandomCase random(seed);
  const int dim = random_dim(random), stride = 8;
  const std::int64_t batch = random.integer(1, 30), first = random.integer(0, 20);
  const RandomParameterization parameterization(random);
  std::vector<float> sigmas = random.normals(batch);
  for (float& each : sigmas) each = 0.05f + each * each;
  const std::vector<float> x = random.normals((first + batch) * dim), output = random.normals(batch * stride);
  const DeviceArray<float> x_device(x), output_device(output), sigma(sigmas), out(static_cast<std::size_t>(batch));
  LogDensityParams p;
  p.dim = dim, p.batch = batch, p.first = first;
  p.output = output_device.data(), p.output_stride = stride;
  p.x = {x_device.data(), dim}, p.sigma = sigma.data();
  p.parameterization = parameterization.value, p.log_density = out.data();
  ASSERT_EQ(launch_log_density(p, nullptr), 0);
  const auto got = out.read();
  for (std::int64_t row = 0; row < batch; ++row) {
    const auto [a, b, c] =
        reference::coefficients(parameterization.value, static_cast<double>(sigmas[static_cast<std::size_t>(row)]));
    double square = 0;
    for (int i = 0; i < dim; ++i) square += std::pow(x[static_cast<std::size_t>((first + row) * dim + i)], 2);
    const double f = output[static_cast<std::size_t>(row * stride)], wanted = a / 2 * square + b / c * f;
    EXPECT_NEAR(got[static_cast<std::size_t>(row)], wanted,
                (8 + dim / 4.0) * kUlp * (std::abs(a / 2) * square + std::abs(b / c * f)));
  }
}

TEST(LogDensityKernel, AgreesWithTheFormula) { for_each_seed(10, log_density); }

}  // namespace
}  // namespace kernels
}  // namespace scorematch
