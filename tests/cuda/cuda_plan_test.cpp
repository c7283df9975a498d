// A plan's report about itself: its workspace by the formulas of docs/cuda.md, its route and its launches.
#include "cuda/cuda_fixture.h"
#include "launchers.h"
#include "model/names.h"
#include "scorematch/scorematch.h"

namespace scorematch::testing_support {
namespace {

namespace runtime = simt::runtime;

class CudaPlan : public CudaTest {};

/// The table of docs/cuda.md, except for the alignment of each array.
TEST_F(CudaPlan, WorkspaceIsAsStated) {
  const Engine engine = Engine::cuda();
  MlpShape net = MlpShape::score(5, {20, 33});
  net.conditioning = conditioning::LogSigma{};
  const std::int64_t weights = 256 + 1024 + 384, biases = 3 * 128;  // 8 24, 24 40, 40 8; 24, 40, 8
  for (const Precision precision : {Precision::fp32, Precision::bf16})
    for (const int m : {0, 3, 20}) {
      const std::int64_t t = precision == Precision::bf16 ? 2 : 4, r = 1024, s = 1 + std::min(m, 8);
      std::int64_t bytes = t * weights + 4 * biases + 4 * (weights + biases);
      bytes += s * r * t * (8 + 2 * (24 + 40)) + s * r * (4 + t) * 8;
      bytes += 2 * s * r * t * 40 + (m > 0 ? 4 * r * (24 + 40) : 0);
      bytes += 4 * r * (1 + s) + 4 * 40 * kernels::column_sum_blocks(r) + (m > 0 ? 4 * r * 8 : 0);
      bytes += std::int64_t{32} << 20;
      const Loss loss{m == 0 ? Objective(Dsm{}) : Objective(Ssm{m}), schedule::Single{1}};
      const Compute layered{precision, Route::layered};
      const auto got = static_cast<std::int64_t>(LossPlan(engine, net, loss, r, layered).workspace_bytes());
      EXPECT_GE(got, bytes) << m;
      EXPECT_LE(got, bytes + 30 * 256) << m;
      EXPECT_EQ(LossPlan(engine, net, loss, 1 << 16, layered).workspace_bytes(),
                LossPlan(engine, net, loss, std::int64_t{1} << 40, layered).workspace_bytes());
    }
}

/// The report of a plan and, for the layered route, the launch counts of docs/performance.md.
TEST_F(CudaPlan, LaunchesAreAsStated) {
  const Engine engine = Engine::cuda();
  const NoiseState noise(engine, 1);
  const auto x = engine.upload(std::vector<float>(2 * 130), {130, 2});
  auto loss = engine.allocate<Estimate>();
  const auto launches = [&](const LossPlan& plan, const MlpShape& net) {
    Queue queue(engine, plan.workspace_bytes());
    const auto params = engine.upload(net.initial_params(1, Initialization::torch));
    auto grad = engine.allocate<float>(net.param_count());
    const int before = runtime::enqueued();
    plan.run(queue, {params, {x, noise}}, {loss.data(), grad});
    queue.synchronize();
    return runtime::enqueued() - before;
  };
  const Objective objectives[] = {Dsm{}, Dsm{Dsm::Variance::antithetic}, Ssm{1}, SsmVr{9}, Ism{}};
  for (const int layers : {1, 2, 3})
    for (const Objective& objective : objectives) {
      const MlpShape net = MlpShape::score(2, std::vector<int>(static_cast<std::size_t>(layers), 8));
      const Loss of{objective, schedule::Single{1}};
      const LossPlan layered(engine, net, of, 130, {Precision::fp32, Route::layered});
      EXPECT_EQ(layered.report(130).route, Route::layered);
      EXPECT_EQ(launches(layered, net), layered.report(130).launches) << layers << " " << name_of(objective);
      if (&objective == objectives) {
        EXPECT_EQ(layered.report(130).launches, 3 + 8 + 6 * layers - 1);
      }
      const LossPlan fused(engine, net, of, 130);
      EXPECT_EQ(fused.report(130).route, Route::fused);
      EXPECT_EQ(fused.report(130).launches, 2);
      EXPECT_EQ(launches(fused, net), 2);
    }
  const MlpShape wide = MlpShape::score(2, {256, 256, 256});
  const LossPlan streaming(engine, wide, {Dsm{}, schedule::Single{1}}, 130, {Precision::bf16, Route::fused});
  EXPECT_EQ(streaming.report(130).launches, 3);
  EXPECT_EQ(launches(streaming, wide), 3);
  const MlpShape too_wide = MlpShape::score(2, {300});
  for (const MlpShape& net : {MlpShape::score(2, {8}), too_wide}) {
    const ScorePlan plan(engine, net, 130);
    EXPECT_EQ(plan.report(130).route, net.hidden == too_wide.hidden ? Route::layered : Route::fused);
    Queue queue(engine, plan.workspace_bytes());
    const auto params = engine.upload(net.initial_params(1, Initialization::torch));
    auto scores = engine.allocate<float>({130, 2});
    const int before = runtime::enqueued();
    plan.run(queue, {params, {x}}, {scores});
    queue.synchronize();
    EXPECT_EQ(runtime::enqueued() - before, plan.report(130).launches);
  }
}

/// The launches for an energy net, by the counts of docs/performance.md.
TEST_F(CudaPlan, EnergyLaunchesAreAsStated) {
  const Engine engine = Engine::cuda();
  const NoiseState noise(engine, 1);
  const auto x = engine.upload(std::vector<float>(2 * 130), {130, 2});
  auto loss = engine.allocate<Estimate>();
  auto scores = engine.allocate<float>({130, 2});
  const Objective objectives[] = {Dsm{}, Dsm{Dsm::Variance::antithetic}, Ssm{1}, Ssm{17}, SsmVr{9}, Ism{}};
  for (const int layers : {0, 1, 3})
    for (const Precision precision : {Precision::fp32, Precision::bf16}) {
      const MlpShape net = MlpShape::energy(2, std::vector<int>(static_cast<std::size_t>(layers), 8));
      const auto params = engine.upload(net.initial_params(1, Initialization::torch));
      auto grad = engine.allocate<float>(net.param_count());
      const auto count = [&](const auto& plan, const auto& run) {
        Queue queue(engine, plan.workspace_bytes());
        const int before = runtime::enqueued();
        run(queue);
        queue.synchronize();
        EXPECT_EQ(plan.report(130).route, Route::layered);
        return runtime::enqueued() - before;
      };
      for (const Objective& objective : objectives) {
        const LossPlan plan(engine, net, {objective, schedule::Single{1}}, 130, {precision});
        EXPECT_EQ(count(plan,
                        [&](Queue& queue) {
                          plan.run(queue, {params, {x, noise}}, {loss.data(), grad});
                        }),
                  plan.report(130).launches)
            << layers << " " << name_of(objective);
        if (&objective == objectives && precision == Precision::fp32 && layers > 0) {
          EXPECT_EQ(plan.report(130).launches, 4 + 1 + 10 * layers + 5);
        }
      }
      const ScorePlan plan(engine, net, 130, 0, Projection::gaussian, {precision});
      EXPECT_EQ(count(plan,
                      [&](Queue& queue) {
                        plan.run(queue, {params, {x}}, {scores});
                      }),
                plan.report(130).launches)
          << layers;
    }
}

/// The formula of docs/cuda.md for energy nets.
TEST_F(CudaPlan, EnergyWorkspaceIsAsStated) {
  const Engine engine = Engine::cuda();
  const MlpShape net = MlpShape::energy(8, {24, 40});
  const std::int64_t w = 256 + 1024 + 384, b = 3 * 128, r = 1024, hidden = 24 + 40;  // as above
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    const std::int64_t t = precision == Precision::bf16 ? 2 : 4, widened = precision == Precision::bf16 ? 4 : 0;
    const Compute compute{precision};
    const auto expect = [&](const char* what, std::size_t got, std::int64_t bytes) {
      EXPECT_GE(static_cast<std::int64_t>(got), bytes) << what;
      EXPECT_LE(static_cast<std::int64_t>(got), bytes + 40 * 256) << what;
    };
    struct Case {
      Objective objective;
      int directions;
      bool score;
    };
    for (const Case& each : {Case{Dsm{}, 0, true}, Case{Ssm{1}, 1, false}, Case{Ssm{9}, 9, false},
                             Case{SsmVr{9}, 9, true}, Case{Ism{}, 8, true}}) {
      const std::int64_t m = std::min(each.directions, 8), s = 1 + m + (m > 0 ? 1 : 0) + (each.score ? 1 : 0);
      std::int64_t bytes = t * w + 4 * b + 4 * (w + b);
      bytes += s * r * t * (8 + 2 * hidden) + s * r * (4 + t) * 8 + r * t * 8;
      bytes += 2 * s * r * t * 40 + 4 * r * hidden;
      bytes += m > 0 ? 4 * r * hidden : 0;
      bytes += each.directions > 8 ? t * r * hidden : 0;
      bytes += widened * r * 8 + 4 * r * (2 + m) + 4 * 40 * kernels::column_sum_blocks(r) + (std::int64_t{32} << 20);
      expect("loss", LossPlan(engine, net, {each.objective, schedule::Single{1}}, r, compute).workspace_bytes(), bytes);
    }
    const std::int64_t s = 10;  // of dim = 8 tangents
    std::int64_t bytes = t * w + 4 * b + s * r * t * (8 + 2 * hidden) + 4 * s * r * 8 + r * t * 8;
    bytes += 2 * s * r * t * 40 + 4 * r * hidden + widened * 9 * r * 8 + 4 * r * 9 + (std::int64_t{32} << 20);
    expect("score", ScorePlan(engine, net, r, 3, Projection::gaussian, compute).workspace_bytes(), bytes);
    EXPECT_EQ(ScorePlan(engine, net, 1 << 16, 3, Projection::gaussian, compute).workspace_bytes(),
              ScorePlan(engine, net, std::int64_t{1} << 40, 3, Projection::gaussian, compute).workspace_bytes());
  }
}

/// The partial sums of a block, and its saved tile if that is not in shared memory (docs/cuda.md).
TEST_F(CudaPlan, FusedWorkspaceIsAsStated) {
  const Engine engine = Engine::cuda();
  constexpr int kBlocks = 4;  // multiprocessors of the stand-in
  const MlpShape net = MlpShape::score(8, {24, 40});
  const std::int64_t padded = 32 * 32 + 32 * 64 + 64 * 32 + 32 + 64 + 32;
  const auto bytes = [&](std::int64_t batch) {
    const LossPlan plan(engine, net, {Dsm{}, schedule::Single{1}}, batch, {Precision::bf16, Route::fused});
    return static_cast<std::int64_t>(plan.workspace_bytes());
  };
  EXPECT_GE(bytes(1 << 20), kBlocks * (4 * padded + 24));
  EXPECT_LE(bytes(1 << 20), kBlocks * (4 * padded + 24) + 2 * 256);
  EXPECT_EQ(bytes(1 << 20), bytes(std::int64_t{1} << 40));
}

TEST_F(CudaPlan, RefusesTheRouteThatIsNotThere) {
  const Engine engine = Engine::cuda();
  const Compute fused{Precision::fp32, Route::fused};
  for (const MlpShape& net : {MlpShape::score(2, {}), MlpShape::score(2, {257}), MlpShape::score(300, {8})}) {
    EXPECT_THROW(LossPlan(engine, net, {Dsm{}, schedule::Single{1}}, 4, fused), Error);
    EXPECT_THROW(ScorePlan(engine, net, 4, 0, Projection::gaussian, fused), Error);
  }
  EXPECT_THROW(
      LossPlan(engine, MlpShape::score(2, {8}), {Dsm{}, schedule::Single{1}}, 4, {Precision::tf32, Route::fused}),
      Error);
  // An energy net is layered, whatever its size.
  const MlpShape energy = MlpShape::energy(2, {8});
  for (const bool is_loss : {true, false}) try {
      if (is_loss)
        LossPlan(engine, energy, {Dsm{}, schedule::Single{1}}, 4, fused);
      else
        ScorePlan(engine, energy, 4, 0, Projection::gaussian, fused);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unsupported);
      EXPECT_EQ(error.argument(), "compute.route");
      EXPECT_STREQ(error.what(), "compute.route: expected automatic or layered for an energy net, got fused");
    }
}

}  // namespace
}  // namespace scorematch::testing_support
