// narrow/loss.cuh against the reference and against the fused kernel that is not compiled for a shape: every
// activation, objective, parameterization and kind of input, several blocks and tiles. For narrow/loss.cu: which nets
// have a kernel.
#include <cmath>
#include <cstring>

#include "kernels/fused_case.h"
#include "kernels/narrow_cases.h"
#include "kernels/random_perturbation.h"
#include "narrow/loss_of.h"
#include "narrow/narrow_launchers.h"

namespace scorematch {
namespace kernels {
namespace {

using testing_support::Problem;
using testing_support::ProblemMaker;

template <class Shape>
MlpShape net_of(Shape) {
  MlpShape net = MlpShape::score(Shape::dim, std::vector<int>(static_cast<std::size_t>(Shape::depth), Shape::hidden),
                                 static_cast<scorematch::Activation>(Shape::activation));
  if (Shape::features == 1) net.conditioning = conditioning::LogSigma{};
  if (Shape::features > 1) net.conditioning = conditioning::Fourier::random(Shape::features / 2, 0.3, 1);
  return net;
}

/// A random problem of a shape. Nine seeds in a row have each of the nine shapes, and the next nine the other
/// objective.
template <class Shape>
Problem problem(Shape shape, std::uint64_t seed, std::int64_t batch) {
  ProblemMaker maker(seed);
  const Problem other = maker.make(1e5);
  Problem p;
  p.net = net_of(shape);
  const bool second = (seed % 9 + seed / 9) % 2 != 0;
  if (Shape::any_terms && second) p.net.conditioning = {};  // fewer features than the shape has
  p.net.parameterization = other.net.parameterization;
  p.loss.weighting = other.loss.weighting;
  if (Shape::any_terms)
    p.loss.objective = Dsm{second ? Dsm::Variance::antithetic : Dsm::Variance::control_variate};
  else
    p.loss.objective = second ? scorematch::Objective(Dsm{}) : scorematch::Objective(Esm{});
  p.perturbed = needs_of(p.loss.objective).eps || maker.integer(0, 1) == 0;
  p.batch = batch;
  maker.fill(p);
  maker.add_weight(p);
  return p;
}

int tiles_of(const Problem& p) { return static_cast<int>((p.batch + kNarrowRows - 1) / kNarrowRows); }

void agrees(std::uint64_t seed) {
  RandomCase random(seed);
  visit_case(
      static_cast<int>(seed) % count_of(NarrowCases()),
      [&](auto shape) {
        const bool is_large = shape.hidden > 48;  // the reference takes long
        const Problem p = problem(
            shape, seed, random.pick(is_large ? std::vector<int>{17, 65} : std::vector<int>{1, 15, 63, 64, 65, 129}));
        FusedCase c(p);
        ASSERT_TRUE(c.possible());
        SCOPED_TRACE(p.describe());
        const int blocks = random.integer(1, std::min(tiles_of(p), 3));
        testing_support::expect_agreement(p, c.run(FusedTiling(), blocks, launch_narrow_loss_of<decltype(shape)>),
                                          Precision::bf16);
        EXPECT_EQ(c.counted().ldmatrix_conflicts, 0u);
      },
      NarrowCases());
}
TEST(NarrowKernel, AgreesWithTheReference) { for_each_seed(9, agrees); }

/// A problem of the first shape, with parameters as given.
Problem problem_of(std::int64_t batch) { return problem(NarrowShape<2, 1, 64, 3, Activation::silu>(), 3, batch); }

/// a has its own formula where eps is drawn, in kernels for any terms too, whose targets are not residuals.
TEST(NarrowKernel, TakesEveryParameterization) {
  using Shape = NarrowShape<6, 8, 16, 2, Activation::tanh, true>;
  for (const std::uint64_t seed : {0u, 1u})  // the control variate and the antithetic pair
    for (const auto kind : values_of<Parameterization::Kind>()) {
      Problem p = problem(Shape(), seed, 33);
      p.net.parameterization = kind;
      p.sigma.clear();
      ProblemMaker(5).fill(p);
      FusedCase c(p);
      SCOPED_TRACE(p.describe());
      testing_support::expect_agreement(p, c.run({}, 1, launch_narrow_loss_of<Shape>), Precision::bf16);
    }
  EXPECT_EQ(complaints(), "");
}

/// With a network that is zero, losses depend on the noise alone.
TEST(NarrowKernel, DrawsTheNoiseOfTheFusedKernel) {
  Problem p = problem_of(100);
  p.net.parameterization = parameterization::Edm{};
  p.loss = {Dsm{}, {}, weighting::Sigma2{}};
  p.perturbed = true;
  ProblemMaker(4).fill(p);
  std::fill(p.params.begin(), p.params.end(), 0.0f);
  RandomCase random(7);
  const RandomNoise noise(random);
  FusedCase c(p);
  c.draw_from(noise.get());
  FusedTiling tiling;
  ASSERT_TRUE(choose_fused_tiling(c.net, c.wish(Operands::bf16, 4), &tiling));
  const auto fused = c.run(tiling, 2).outcome.per_sample, narrow = c.run({}, 2, launch_narrow_loss).outcome.per_sample;
  ASSERT_EQ(fused.size(), narrow.size());
  for (std::size_t n = 0; n < fused.size(); ++n) EXPECT_NEAR(narrow[n], fused[n], 1e-4f * std::abs(fused[n])) << n;
  EXPECT_EQ(complaints(), "");
}

TEST(NarrowKernel, ComputesTheLossAlone) {
  const Problem p = problem_of(230);
  RandomCase random(2);
  FusedCase c(p);
  const testing_support::EngineRun with = c.run({}, 2, launch_narrow_loss);
  c.want_loss_alone();
  const testing_support::EngineRun alone = c.run({}, 2, launch_narrow_loss);
  EXPECT_TRUE(testing_support::same_bits(with.outcome.per_sample, alone.outcome.per_sample));
  EXPECT_EQ(std::memcmp(&with.loss, &alone.loss, sizeof alone.loss), 0);
  EXPECT_EQ(complaints(), "");
}

/// The matrix instructions and barriers of a launch, by formulas.
template <class Shape>
void expect_counts(Shape shape, std::uint64_t seed) {
  RandomCase random(seed);
  const Problem p = problem(shape, seed, random.integer(1, 130));
  FusedCase c(p);
  const int tiles = tiles_of(p), blocks = random.integer(1, tiles);
  c.run({}, blocks, launch_narrow_loss_of<Shape>);
  std::uint64_t mma = 0;
  for (int l = 0; l <= Shape::depth; ++l) {
    const auto ins = static_cast<std::uint64_t>(Shape::in_steps(l)),
               outs = static_cast<std::uint64_t>(Shape::out_steps(l));
    mma += 2 * 4 * ins * 2 * outs;    // four warps, forward and backward
    mma += outs * 4 * (2 * ins + 1);  // a warp per 16 rows of the weight gradient
  }
  const auto terms = static_cast<std::uint64_t>(Shape::most_terms);
  const auto all = static_cast<std::uint64_t>(tiles), each = static_cast<std::uint64_t>(blocks);
  EXPECT_EQ(c.counted().mma, all * terms * mma);
  // Per tile one for the levels; per term one per layer and, unless it is the first of a block, one for the panels.
  EXPECT_EQ(c.counted().barriers, all * (1 + terms * static_cast<std::uint64_t>(Shape::depth + 2)) - each + 2 * each);
  EXPECT_EQ(complaints(), "");
}
TEST(NarrowCounters, AreThoseOfTheFormulas) {
  for (int i = 0; i < count_of(NarrowCases()); ++i)
    visit_case(
        i, [&](auto shape) { expect_counts(shape, static_cast<std::uint64_t>(i) + 1); }, NarrowCases());
}

TEST(NarrowShapes, AreThoseOfTheLibrary) {
  for (int i = 0; i < count_of(NarrowShapes()); ++i)
    visit_case(
        i,
        [](auto shape) {
          using Shape = decltype(shape);
          const NarrowTerms terms = Shape::any_terms ? NarrowTerms::any : NarrowTerms::complete_square;
          FusedNet net;
          ASSERT_TRUE(fused_net_of(net_of(shape), net));
          EXPECT_TRUE(has_narrow_kernel(net, terms));
          EXPECT_EQ(narrow_shared_bytes(net, terms), narrow_shared_bytes_of<Shape>());
          EXPECT_LE(narrow_shared_bytes(net, terms), 163u * 1024);  // of compute capability 8.0
        },
        NarrowShapes());
  MlpShape residual = MlpShape::score(2, {64, 64, 64}), features = residual;
  residual.residual = true;
  features.conditioning = conditioning::Fourier::random(1, 1, 1);
  for (const MlpShape& other : {MlpShape::score(2, {64, 64}), MlpShape::score(3, {64, 64, 64}),
                                MlpShape::score(2, {64, 64, 64}, scorematch::Activation::tanh), residual, features}) {
    FusedLossParams p;
    ASSERT_TRUE(fused_net_of(other, p.net));
    for (const NarrowTerms terms : {NarrowTerms::complete_square, NarrowTerms::any}) {
      EXPECT_FALSE(has_narrow_kernel(p.net, terms));
      p.terms[0].complete_square = terms == NarrowTerms::complete_square;
      EXPECT_NE(launch_narrow_loss(p, nullptr), 0);
    }
  }
}

}  // namespace
}  // namespace kernels
}  // namespace scorematch
