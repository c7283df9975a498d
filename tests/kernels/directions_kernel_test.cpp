// directions.cu against the distributions of the reference, in double.
#include <algorithm>
#include <cmath>

#include "kernels/random_perturbation.h"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kBasis = 5, kGiven = 6;  // in place of the distributions, which are fewer

void run(std::uint64_t seed) {
  RandomCase random(seed);
  const int dim = random_dim(random), kind = random.integer(0, 6);
  const int population = kind < kBasis ? static_cast<int>(distinct::population(static_cast<Projection>(kind), dim)) : 0;
  const int count = population > 0 ? std::min(random.integer(1, 5), population) : random.integer(1, 5);
  const std::int64_t batch = random.integer(1, 40), rows = rounded_up(batch, random.pick({1, 16, 64})),
                     first = random.integer(0, 20);
  const int columns = static_cast<int>(rounded_up(dim + random.integer(0, 9), 8));
  const int from = kind == kBasis ? random.integer(0, dim - 1)
                                  : random.integer(0, population > 0 ? std::min(9, population - count) : 9);
  const Element element = random.chance(0.5) ? Element::f32 : Element::bf16;
  const RandomNoise noise(random);
  const std::vector<float> given = random.normals((from + count) * (first + batch) * dim);
  const DeviceArray<float> given_device(given), row_values(static_cast<std::size_t>(count * rows));
  const ElementArray out(element, static_cast<std::size_t>(count * rows * columns));

  DirectionsParams p;
  if (kind < kBasis) p.source.distribution = static_cast<Projection>(kind);
  p.source.is_basis = kind == kBasis;
  if (kind == kGiven) p.source.given = given_device.data();
  p.source.given_plane = (first + batch) * dim, p.source.given_stride = dim;
  p.noise = noise.get();
  p.dim = dim, p.first_direction = from, p.count = count;
  p.batch = batch, p.rows = rows, p.first = first;
  p.out = out.data(), p.plane = rows * columns, p.stride = columns, p.columns = columns;
  p.row_values = row_values.data();
  ASSERT_EQ(launch_directions(p, element, nullptr), 0);

  const auto got = out.read();
  for (int m = 0; m < count; ++m)
    for (std::int64_t row = 0; row < rows; ++row) {
      std::vector<double> wanted(static_cast<std::size_t>(columns), 0.0);
      if (row < batch && kind < kBasis) {
        const auto v = reference::draw_direction(noise.of(first + row), dim, static_cast<Projection>(kind),
                                                 static_cast<std::uint32_t>(from + m));
        std::copy(v.begin(), v.end(), wanted.begin());
      }
      if (row < batch && kind == kBasis && from + m < dim) wanted[static_cast<std::size_t>(from + m)] = 1;
      for (int i = 0; row < batch && kind == kGiven && i < dim; ++i)
        wanted[static_cast<std::size_t>(i)] =
            given[static_cast<std::size_t>(((from + m) * (first + batch) + first + row) * dim + i)];
      for (int i = 0; i < columns; ++i) {
        const double w = wanted[static_cast<std::size_t>(i)];
        // Normals have an error of 3 ulp; the norm on the sphere of at most (dim + 4) half ulps, and far less on
        // average. The root of dim is rounded.
        const double ulps = kind == 2 ? 6 + 0.5 * dim : kind == 0 ? 3 : kind == 4 ? 1 : 0;
        const double bound =
            ulps * 0x1p-23 * (std::abs(w) + 1e-6) + (element == Element::bf16 ? 0x1p-8 * std::abs(w) : 0);
        EXPECT_NEAR(got[static_cast<std::size_t>((m * rows + row) * columns + i)], w, bound)
            << "kind " << kind << " direction " << m << " row " << row << " column " << i;
      }
    }
}

TEST(DirectionsKernel, AgreesWithTheReference) { for_each_seed(150, run); }

}  // namespace
}  // namespace kernels
}  // namespace scorematch
