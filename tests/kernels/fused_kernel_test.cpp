// fused/loss.cu and fused/reduce.cu against the reference over random problems: every objective, activation, kind of
// operand, tiling and placement. For fused/tiling.cu: the chosen tiling fits and has the expected counts.
#include "kernels/expected_scores.h"
#include "kernels/fused_case.h"

namespace scorematch {
namespace kernels {
namespace {

using testing_support::Problem;
using testing_support::ProblemMaker;

constexpr double kMostWork = 1e5;

/// Any tiling that the kernels accept, not only the one that would be chosen.
FusedTiling random_tiling(RandomCase& random, const FusedCase& c, Operands operands, bool backward = true) {
  FusedTiling tiling;
  EXPECT_TRUE(choose_fused_tiling(c.net, c.wish(operands, 1), &tiling));
  tiling.backward = backward;
  tiling.directions = tiling.directions || !backward;
  do {
    tiling.row_tiles = operands == Operands::bf16 && backward && !c.has_context() ? random.integer(1, 2) : 1;
    tiling.row_warps = random.pick({1, 2, 4});
    tiling.resident = random.chance(0.5);
    tiling.saved_in_shared = random.chance(0.5);
    tiling.saves_eps = tiling.saves_eps && random.chance(0.5);
  } while (tiling.threads() > 512 || fused_shared_bytes(c.net, tiling) > 227 * 1024);
  return tiling;
}

Precision precision_of(Operands operands) { return operands == Operands::bf16 ? Precision::bf16 : Precision::fp32; }

void agrees(std::uint64_t seed) {
  RandomCase random(seed);
  ProblemMaker maker(seed);
  Problem p = maker.make(kMostWork);
  while (p.net.hidden.empty()) p = maker.make(kMostWork);
  if (seed % 3 == 0) maker.add_context(p);
  FusedCase c(p);
  ASSERT_TRUE(c.possible());
  const auto operands = static_cast<Operands>(random.integer(0, 1));
  const FusedTiling tiling = random_tiling(random, c, operands);
  const auto tiles = static_cast<int>((p.batch + tiling.rows() - 1) / tiling.rows());
  SCOPED_TRACE(p.describe() + (operands == Operands::bf16 ? ", bf16" : ", split tf32"));
  testing_support::expect_agreement(p, c.run(tiling, random.integer(1, std::min(tiles, 4))), precision_of(operands));
}
TEST(FusedKernel, AgreesWithTheReference) { for_each_seed(10, agrees); }

/// A problem of one shape, with all inputs given.
Problem problem(int dim, std::vector<int> hidden, const scorematch::Objective& objective, std::int64_t batch) {
  Problem p;
  p.net = MlpShape::score(dim, std::move(hidden));
  p.loss.objective = objective;
  p.batch = batch;
  p.perturbed = true;
  ProblemMaker(static_cast<std::uint64_t>(dim)).fill(p);
  return p;
}

/// Checks agreement with the chosen tiling.
void expect_chosen_agrees(const Problem& p, Operands operands) {
  // Fibers switch many times slower with sanitizers, so those run only small problems.
  if (kSeedsSkipped > 1 && p.net.param_count() > 5000) return;
  simt::session() = {};
  FusedCase c(p);
  ASSERT_TRUE(c.possible());
  FusedTiling tiling;
  ASSERT_TRUE(choose_fused_tiling(c.net, c.wish(operands, 4), &tiling));
  SCOPED_TRACE(p.describe());
  const auto tiles = static_cast<int>((p.batch + tiling.rows() - 1) / tiling.rows());
  testing_support::expect_agreement(p, c.run(tiling, std::min(tiles, 4)), precision_of(operands));
  EXPECT_EQ(complaints(), "");
  EXPECT_EQ(c.counted().ldmatrix_conflicts, 0u);
}

// Widths at their limits, padded and not; streamed weights; the widest layers; data wider than the layers; deep
// networks.
TEST(FusedEdges, AgreeWithTheReference) {
  for (const Operands operands : {Operands::bf16, Operands::split_tf32})
    for (const Problem& p :
         {problem(1, {1}, Dsm{}, 1), problem(2, {32}, Dsm{}, 17), problem(64, {64, 64, 64}, Dsm{}, 33),
          problem(256, {32}, Dsm{}, 16), problem(3, {256, 31}, SsmVr{2}, 20), problem(40, {256, 256}, Ssm{1}, 18),
          problem(5, std::vector<int>(11, 8), Ssm{2}, 40)})
      expect_chosen_agrees(p, operands);
}

TEST(FusedEdges, EveryActivationGoesRoundResidualLayers) {
  for (const Operands operands : {Operands::bf16, Operands::split_tf32})
    for (const Activation activation : {Activation::silu, Activation::softplus, Activation::tanh, Activation::gelu})
      for (const scorematch::Objective& objective : {scorematch::Objective(Ssm{2}), scorematch::Objective(SsmVr{1})}) {
        if (kSeedsSkipped > 1 && activation != Activation::gelu) continue;
        Problem p = problem(6, {6, 24, 24}, objective, 20);
        p.net.activation = static_cast<scorematch::Activation>(activation);
        p.net.residual = true;
        expect_chosen_agrees(p, operands);
      }
}

/// The counts of a tile. Products are in instructions of 16 x 8 x kDepth.
struct Counts {
  std::uint64_t barriers = 0, mma = 0, copied = 0;
};

Counts counts_of(const FusedNet& net, const FusedTiling& t, bool score, int directions, int tiles, int blocks) {
  const auto rows = static_cast<std::uint64_t>(t.rows() / 16);
  const bool bf16 = t.operands == Operands::bf16;
  const auto depth = static_cast<std::uint64_t>(bf16 ? 16 : 8), parts = std::uint64_t{bf16 ? 1u : 3u};
  const auto hidden = static_cast<std::uint64_t>(net.hidden);
  Counts tile;
  const auto product = [&](int l, bool pull, std::uint64_t times) {
    const auto in = static_cast<std::uint64_t>(net.layers[l].place.in_padded),
               out = static_cast<std::uint64_t>(net.layers[l].place.out_padded);
    const std::uint64_t columns = pull ? in : out, deep = pull ? out : in;
    tile.mma += times * rows * (columns / 8) * (deep / depth) * parts;
    if (t.resident) return;
    const std::uint64_t at_once = static_cast<std::uint64_t>(t.column_warps) * 32,
                        groups = (columns + at_once - 1) / at_once;
    tile.barriers += times * groups * (1 + deep / 32);
    tile.copied += times * in * out * (bf16 ? 2 : 4);
  };
  const auto gradient = [&](int l, bool bias, std::uint64_t times) {
    const LayerPlace& place = net.layers[l].place;
    const int squares = place.out_padded / 32 * (place.in_padded / 32), warps = t.row_warps * t.column_warps;
    const int out_size = squares >= warps ? 32 : 16, in_size = 2 * squares >= warps ? 32 : 16;
    const auto tiles_of = [](int width, int size) { return static_cast<std::uint64_t>((width + size - 1) / size); };
    const std::uint64_t outs = tiles_of(place.out, out_size) * static_cast<std::uint64_t>(out_size / 16),
                        ins = tiles_of(place.in, in_size) * static_cast<std::uint64_t>(in_size / 8);
    tile.mma += times * rows * 16 / depth * parts * (outs * ins + (bias ? outs : 0));
  };
  const auto m = static_cast<std::uint64_t>(directions);
  tile.barriers += 3 + hidden + (score ? 3 : 0) + m * (3 * hidden + 1) + 2 * hidden;
  for (int l = 0; l < net.hidden; ++l) {
    product(l, false, 1 + m);
    gradient(l, true, 1);
    gradient(l, false, m);
    if (l > 0) product(l, true, 1 + m);
  }
  product(0, true, 1);  // gradient of the input
  if (score) {
    product(net.hidden, false, 1);
    product(net.hidden, true, 1);
    gradient(net.hidden, true, 1);
  }
  product(net.hidden, true, m);
  gradient(net.hidden, !score, m);
  Counts all;
  const auto n = static_cast<std::uint64_t>(tiles), b = static_cast<std::uint64_t>(blocks);
  all.barriers = n * tile.barriers + b * 3;
  all.mma = n * tile.mma;
  all.copied = n * tile.copied;
  return all;
}

void counts(std::uint64_t seed) {
  RandomCase random(seed);
  const int which = random.integer(0, 2);
  const Problem p = problem(random.integer(1, 40), {random.integer(1, 70), random.integer(1, 70)},
                            which == 0   ? scorematch::Objective(Dsm{})
                            : which == 1 ? scorematch::Objective(Ssm{random.integer(1, 2)})
                                         : scorematch::Objective(Esm{}),
                            random.integer(1, 60));
  FusedCase c(p);
  const FusedTiling tiling = random_tiling(random, c, static_cast<Operands>(random.integer(0, 1)));
  const auto tiles = static_cast<int>((p.batch + tiling.rows() - 1) / tiling.rows());
  const int blocks = random.integer(1, tiles);
  c.run(tiling, blocks);
  const Counts expected = counts_of(c.net, tiling, which != 1, c.directions(), tiles, blocks);
  EXPECT_EQ(c.counted().barriers, expected.barriers);
  EXPECT_EQ(c.counted().mma, expected.mma);
  EXPECT_EQ(c.counted().cp_async_bytes, expected.copied);
  EXPECT_EQ(c.counted().ldmatrix_conflicts, 0u);
}
TEST(FusedCounters, AreThoseOfTheFormulas) { for_each_seed(8, counts); }

/// A loss has the same bits whether gradients are computed with it or not.
TEST(FusedKernel, ComputesTheLossAlone) {
  const Problem p = problem(5, {20, 20}, SsmVr{2}, 40);
  std::vector<float> losses[2];
  for (const bool alone : {false, true}) {
    FusedCase c(p);
    FusedTiling tiling;
    ASSERT_TRUE(choose_fused_tiling(c.net, c.wish(Operands::split_tf32, 4), &tiling));
    if (alone) c.want_loss_alone();
    losses[alone ? 1 : 0] = c.run(tiling, 2).outcome.per_sample;
  }
  EXPECT_EQ(losses[0], losses[1]);
  EXPECT_EQ(complaints(), "");
}

/// eps is the same whether the head draws it again or the perturbation has saved it.
TEST(FusedKernel, KeepsTheNoiseItDrew) {
  const Problem p = problem(9, {20, 20}, Dsm{}, 50);
  RandomCase random(7);
  const RandomNoise noise(random);
  std::vector<float> losses[2];
  for (const bool keeps : {false, true}) {
    FusedCase c(p);
    FusedTiling tiling;
    ASSERT_TRUE(choose_fused_tiling(c.net, c.wish(Operands::split_tf32, 4), &tiling));
    EXPECT_TRUE(tiling.saves_eps);
    tiling.saves_eps = keeps;
    c.draw_from(noise.get());
    losses[keeps ? 1 : 0] = c.run(tiling, 2).outcome.per_sample;
  }
  EXPECT_EQ(losses[0], losses[1]);
  EXPECT_EQ(complaints(), "");
}

// ---- scores

void scores_agree(std::uint64_t seed) {
  RandomCase random(seed);
  ProblemMaker maker(seed);
  Problem p = maker.make(kMostWork);
  while (p.net.hidden.empty()) p = maker.make(kMostWork);
  p.perturbed = false;
  FusedCase c(p);
  ASSERT_TRUE(c.possible());
  const auto operands = static_cast<Operands>(random.integer(0, 1));
  const FusedTiling tiling = random_tiling(random, c, operands, false);
  const auto tiles = static_cast<int>((p.batch + tiling.rows() - 1) / tiling.rows());
  const int blocks = random.integer(1, std::min(tiles, 4));
  expect_scores(p, random, precision_of(operands), [&](const DirectionSource& source, int count, const Noise& noise) {
    return c.run_score(tiling, blocks, source, count, noise);
  });
}
TEST(FusedScoreKernel, AgreesWithTheReference) { for_each_seed(10, scores_agree); }

// ---- the choice of a tiling

bool choose(const MlpShape& shape, const FusedWish& wish, FusedTiling& tiling) {
  FusedNet net;
  return fused_net_of(shape, net) && choose_fused_tiling(net, wish, &tiling) &&
         fused_shared_bytes(net, tiling) <= wish.shared_bytes;
}
FusedWish h100(std::int64_t batch, int directions = 0) {
  FusedWish wish;
  wish.directions = directions;
  wish.sliced = directions > 0;
  wish.denoising = directions == 0;
  wish.max_batch = batch;
  wish.multiprocessors = 132;
  wish.shared_bytes = 227 * 1024;
  return wish;
}

TEST(FusedTiling, KeepsWhatFits) {
  FusedTiling t;
  ASSERT_TRUE(choose(MlpShape::score(64, {64, 64, 64}), h100(65536), t));
  EXPECT_TRUE(t.resident && t.saved_in_shared);
  EXPECT_EQ(t.rows(), 128);
  ASSERT_TRUE(choose(MlpShape::score(64, {128, 128, 128}), h100(65536), t));
  EXPECT_TRUE(t.resident && t.saved_in_shared);
  EXPECT_EQ(t.rows(), 64);
  ASSERT_TRUE(choose(MlpShape::score(64, {64, 64, 64}), h100(65536, 4), t));
  EXPECT_TRUE(t.resident && t.saved_in_shared);
  ASSERT_TRUE(choose(MlpShape::score(64, {256, 256, 256}), h100(65536), t));
  EXPECT_FALSE(t.resident);
  EXPECT_EQ(t.rows(), 64);
}

TEST(FusedTiling, GivesEveryMultiprocessorATile) {
  FusedTiling t;
  ASSERT_TRUE(choose(MlpShape::score(8, {128, 128}), h100(64), t));
  EXPECT_EQ(t.rows(), 16);
  ASSERT_TRUE(choose(MlpShape::score(8, {128, 128}), h100(132 * 32), t));
  EXPECT_EQ(t.rows(), 32);
}

TEST(FusedTiling, GivesWarpsOneRowTileWithAContext) {
  FusedTiling t;
  FusedWish wish = h100(132 * 64);
  ASSERT_TRUE(choose(MlpShape::score(8, {128, 128}), wish, t));
  EXPECT_EQ(t.row_tiles, 2);
  wish.has_context = true;
  ASSERT_TRUE(choose(MlpShape::score(8, {128, 128}), wish, t));
  EXPECT_EQ(t.row_tiles, 1);
}

TEST(FusedTiling, RefusesWhatItCannotDo) {
  FusedTiling t;
  EXPECT_FALSE(choose(MlpShape::score(8, {}), h100(64), t));
  EXPECT_FALSE(choose(MlpShape::score(8, std::vector<int>(12, 8)), h100(64), t));
  EXPECT_FALSE(choose(MlpShape::score(8, {257}), h100(64), t));
  EXPECT_FALSE(choose(MlpShape::score(257, {8}), h100(64), t));
  FusedWish small = h100(64);
  small.shared_bytes = 16 * 1024;
  EXPECT_FALSE(choose(MlpShape::score(200, {200}), small, t));
}

}  // namespace
}  // namespace kernels
}  // namespace scorematch
