// narrow/loss.cuh against the reference and against the fused kernel that is not compiled for a shape: every
// activation, objective, parameterization and kind of input, several blocks and tiles. For narrow/loss.cu: which nets
// have a kernel.
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

template <class... Shapes, class Visit>
void visit_case(int which, const Visit& visit, NarrowShapeList<Shapes...>) {
  int i = 0;
  ((i++ == which ? visit(Shapes()) : void()), ...);
}
template <class... Shapes>
constexpr int count_of(NarrowShapeList<Shapes...>) {
  return static_cast<int>(sizeof...(Shapes));
}

template <class Shape>
MlpShape net_of(Shape) {
  MlpShape net = MlpShape::score(Shape::dim, std::vector<int>(static_cast<std::size_t>(Shape::depth), Shape::hidden),
                                 static_cast<scorematch::Activation>(Shape::activation));
  if (Shape::features == 1) net.conditioning = conditioning::LogSigma{};
  if (Shape::features > 1) net.conditioning = conditioning::Fourier::random(Shape::features / 2, 0.3, 1);
  return net;
}

/// A random problem of a shape.
template <class Shape>
Problem problem(Shape shape, std::uint64_t seed, std::int64_t batch) {
  ProblemMaker maker(seed);
  const Problem other = maker.make(1e5);
  Problem p;
  p.net = net_of(shape);
  p.net.parameterization = other.net.parameterization;
  p.loss.weighting = other.loss.weighting;
  p.loss.objective = maker.integer(0, 2) == 0 ? scorematch::Objective(Esm{}) : scorematch::Objective(Dsm{});
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
        const Problem p = problem(shape, seed, random.pick({1, 15, 63, 64, 65, 129, 200}));
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
TEST(NarrowKernel, AgreesWithTheReference) { for_each_seed(14, agrees); }

}  // namespace
}  // namespace kernels
}  // namespace scorematch
