// narrow/score.cuh against the reference: networks of every shape that fits into those that are compiled, tails of
// tiles, one sigma and many, several blocks. For narrow/score.cu: which nets have a kernel.
#include <cstring>

#include "kernels/expected_scores.h"
#include "kernels/narrow_cases.h"
#include "narrow/narrow_launchers.h"
#include "narrow/score_of.h"

namespace scorematch {
namespace kernels {
namespace {

using testing_support::Problem;
using testing_support::ProblemMaker;

/// A random net that fits into a shape.
template <class Shape>
MlpShape net_of(Shape, RandomCase& random) {
  const int dim = random.chance(0.5) ? Shape::columns - 4 * random.integer(0, 3) : random.integer(1, Shape::columns);
  const int depth = random.integer(1, 3), width = random.integer(Shape::hidden - 31, Shape::hidden);
  MlpShape net = MlpShape::score(dim, std::vector<int>(static_cast<std::size_t>(depth), width),
                                 static_cast<scorematch::Activation>(Shape::activation));
  if (random.chance(0.3)) net.hidden.back() = Shape::hidden;
  const int features = random.integer(0, 2);
  if (features == 1) net.conditioning = conditioning::LogSigma{};
  if (features == 2) net.conditioning = conditioning::Fourier::random(random.integer(1, 8), 0.3, random.seed());
  net.residual = net.layers()[0].in != net.hidden[0] && random.chance(0.5);
  return net;
}

/// A problem whose samples have scores, and nothing else.
Problem problem_of(const MlpShape& net, std::uint64_t seed, std::int64_t batch) {
  Problem p;
  p.net = net;
  p.net.parameterization = ProblemMaker(seed).make(1e5).net.parameterization;
  p.batch = batch;
  ProblemMaker(seed + 1).fill(p);
  return p;
}

int tiles_of(const Problem& p, int rows) { return static_cast<int>((p.batch + rows - 1) / rows); }

void agrees(std::uint64_t seed) {
  RandomCase random(seed);
  visit_case(
      static_cast<int>(seed) % count_of(NarrowScoreCases()),
      [&](auto shape) {
        using Shape = decltype(shape);
        Problem p = problem_of(net_of(shape, random), seed, random.pick({1, 16, 17, 33, 40}));
        FusedCase c(p);
        ASSERT_TRUE(c.possible());
        if (!p.sigma.empty() && random.chance(0.4)) {
          std::fill(p.sigma.begin(), p.sigma.end(), p.sigma[0]);
          c.share_sigma();
        }
        const int blocks = random.integer(1, std::min(tiles_of(p, kNarrowDirectionRows), 3));
        expect_scores(p, random, Precision::bf16, [&](const DirectionSource& source, int count, const Noise& noise) {
          const auto with = c.run_score({}, blocks, source, count, noise, launch_narrow_score_of<Shape>);
          EXPECT_EQ(c.counted().ldmatrix_conflicts, 0u);
          const auto alone = c.run_score({}, blocks, source, 0, noise, launch_narrow_score_of<Shape>);
          EXPECT_EQ(c.counted().ldmatrix_conflicts, 0u);
          EXPECT_TRUE(testing_support::same_bits(with.score, alone.score));
          return with;
        });
      },
      NarrowScoreCases());
}
TEST(NarrowScoreKernel, AgreesWithTheReference) { for_each_seed(6, agrees); }

/// The matrix instructions and barriers of a launch, by formulas.
template <class Shape>
void expect_counts(Shape shape, std::uint64_t seed) {
  RandomCase random(seed);
  const Problem p = problem_of(net_of(shape, random), seed, random.integer(1, 100));
  FusedCase c(p);
  for (const int directions : {0, 2}) {
    const RandomNoise noise(random);
    const int tiles = tiles_of(p, directions > 0 ? kNarrowDirectionRows : kNarrowScoreRows);
    const int blocks = random.integer(1, tiles);
    c.run_score({}, blocks, {}, directions, noise.get(), launch_narrow_score_of<Shape>);
    // Instructions of 16 x 8 x 16 of a row tile.
    const auto steps = std::uint64_t{Shape::columns / 16}, hidden = std::uint64_t{Shape::hidden / 16},
               depth = p.net.hidden.size(), out = static_cast<std::uint64_t>((p.net.dim + 15) / 16);
    const std::uint64_t features = p.net.conditioning.kind == Conditioning::Kind::none ? 0 : 2 * hidden;
    const std::uint64_t mma = 2 * hidden * (steps + (depth - 1) * hidden + out);
    EXPECT_EQ(c.counted().mma, static_cast<std::uint64_t>(tiles) *
                                   (directions == 0 ? 2 * (mma + features)
                                                    : static_cast<std::uint64_t>(directions) * (2 * mma + features)));
    EXPECT_EQ(c.counted().barriers, static_cast<std::uint64_t>(blocks));
  }
  EXPECT_EQ(complaints(), "");
}
TEST(NarrowScoreCounters, AreThoseOfTheFormulas) {
  for (int i = 0; i < count_of(NarrowScoreCases()); ++i)
    visit_case(
        i, [&](auto shape) { expect_counts(shape, static_cast<std::uint64_t>(i) + 1); }, NarrowScoreCases());
}

bool has_kernel(const MlpShape& net) {
  FusedScoreParams p;
  EXPECT_TRUE(fused_net_of(net, p.net));
  p.features.count = feature_count(net.conditioning);
  const bool has = has_narrow_score_kernel(p.net, p.features.count);
  EXPECT_EQ(launch_narrow_score(p, only_load()) == 0, has);
  EXPECT_EQ(narrow_score_shared_bytes(p.net, p.features.count) > 0, has);
  return has;
}

MlpShape score_net(int dim, std::vector<int> hidden, Conditioning conditioning = {}, bool residual = false) {
  MlpShape net = MlpShape::score(dim, std::move(hidden));
  net.conditioning = std::move(conditioning);
  net.residual = residual;
  return net;
}

TEST(NarrowScoreShapes, AreTakenByNetsThatFit) {
  for (int i = 0; i < count_of(NarrowScoreShapes()); ++i)
    visit_case(
        i,
        [](auto shape) {
          using Shape = decltype(shape);
          RandomCase random(5);
          EXPECT_TRUE(has_kernel(net_of(shape, random)));
          const MlpShape deep = score_net(Shape::columns, std::vector<int>(8, Shape::hidden));
          FusedNet net;
          ASSERT_TRUE(fused_net_of(deep, net));
          EXPECT_EQ(narrow_score_shared_bytes(net, 0), narrow_score_shared_bytes_of<Shape>(8));
        },
        NarrowScoreShapes());
  // The command's default network fits into the shared memory of compute capability 8.0.
  for (const int dim : {1, 2, 16}) {
    FusedNet net;
    ASSERT_TRUE(fused_net_of(MlpShape::diffusion(dim), net));
    EXPECT_TRUE(has_kernel(MlpShape::diffusion(dim)));
    EXPECT_LE(narrow_score_shared_bytes(net, 16), 163u * 1024);
  }
  EXPECT_FALSE(has_kernel(MlpShape::diffusion(17)));                                     // too wide
  EXPECT_FALSE(has_kernel(score_net(65, {64})));                                         // columns of x
  EXPECT_FALSE(has_kernel(score_net(2, {64, 32})));                                      // would be half padding
  EXPECT_FALSE(has_kernel(score_net(2, {129})));                                         // too wide
  EXPECT_FALSE(has_kernel(score_net(64, {64}, {}, true)));                               // the first layer is residual
  EXPECT_FALSE(has_kernel(score_net(2, {64}, conditioning::Fourier::random(9, 1, 1))));  // features
  EXPECT_FALSE(has_kernel(MlpShape::score(2, {64}, scorematch::Activation::tanh)));
  EXPECT_TRUE(has_kernel(score_net(64, {64, 40}, conditioning::LogSigma{}, true)));
}

}  // namespace
}  // namespace kernels
}  // namespace scorematch
