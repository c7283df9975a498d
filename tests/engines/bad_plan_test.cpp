// Plans and networks refuse every field that is out of range by name.
#include <limits>

#include "cpu/simd/bf16_product.h"
#include "scorematch/scorematch.h"
#include "support/refusal.h"

namespace scorematch::test {
namespace {

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

MlpShape net_with(const Conditioning& conditioning, const Parameterization& parameterization = {}) {
  MlpShape net = MlpShape::score(3, {4});
  net.conditioning = conditioning;
  net.parameterization = parameterization;
  return net;
}

template <class Change>
MlpShape changed(const Change& change) {
  MlpShape net = MlpShape::score(3, {4});
  change(net);
  return net;
}

auto make_loss(const Loss& loss, std::int64_t max_batch = 8, Compute compute = {}) {
  return [=](const Engine& engine) { LossPlan(engine, MlpShape::score(3, {4}), loss, max_batch, compute); };
}
auto make_net(const MlpShape& net) {
  return [=](const Engine& engine) { LossPlan(engine, net, {Ism{}}, 8); };
}
auto make_head(int dim, const Loss& loss, std::int64_t max_batch, const Parameterization& parameterization = {}) {
  return [=](const Engine& engine) { HeadPlan(engine, dim, loss, max_batch, parameterization); };
}
const char* const kFloat = "between 1.2e-38 and 3.4e38, the range of float32";

std::vector<BadMake> bad_losses() {
  return {
      {"max_batch 0", make_loss({Ism{}}, 0), {"max_batch", "between 1 and", "0"}},
      {"max_batch negative", make_loss({Ism{}}, -8), {"max_batch", "between 1 and", "-8"}},
      {"max_batch huge", make_loss({Ism{}}, kHuge), {"max_batch", "between 1 and", "9223372036854775807"}},
      {"no projections", make_loss({Ssm{0}}), {"projections", "between 1 and 16384", "0"}},
      {"projections negative", make_loss({SsmVr{-1}}), {"projections", "between 1 and 16384", "-1"}},
      {"projections past their counter", make_loss({SsmVr{16385}}), {"projections", "between 1 and 16384", "16385"}},
      {"no such distribution",
       make_loss({Ssm{1, static_cast<Projection>(6)}}),
       {"distribution", "between 0 and 5", "6"}},
      {"more directions than a Hadamard matrix has rows",
       make_loss({SsmVr{5, Projection::hadamard}}),
       {"projections", "at most 4, as distribution hadamard has no more in dimension 3", "5"}},
      {"more directions than coordinates",
       make_loss({Ssm{4, Projection::coordinates}}),
       {"projections", "at most 3, as distribution coordinates has no more in dimension 3", "4"}},
      {"no such variance", make_loss({Dsm{static_cast<Dsm::Variance>(-1)}}), {"variance", "between 0 and 2", "-1"}},
      {"no such precision",
       make_loss({Ism{}}, 8, {static_cast<Precision>(7), Route::automatic}),
       {"compute.precision", "between 0 and 2", "7"}},
      {"no such route",
       make_loss({Ism{}}, 8, {Precision::fp32, static_cast<Route>(-2)}),
       {"compute.route", "between 0 and 3", "-2"}},
      {"score with no such route",
       [](const Engine& e) {
         ScorePlan(e, MlpShape::score(3, {4}), 8, 0, Projection::gaussian, {Precision::fp32, static_cast<Route>(4)});
       },
       {"compute.route", "between 0 and 3", "4"}},
      {"sigma_data of the weighting 0",
       make_loss({Dsm{}, schedule::LogNormal{}, weighting::Edm{0}}),
       {"weighting.sigma_data", "a finite value > 0", "0"}},
      {"sigma_data of the weighting infinite",
       make_loss({Dsm{}, schedule::LogNormal{}, weighting::Edm{kInf}}),
       {"weighting.sigma_data", "a finite value > 0", "inf"}},
      {"gamma of the weighting 0",
       make_loss({Dsm{}, schedule::LogNormal{}, weighting::MinSnr{0}}),
       {"weighting.gamma", "a finite value > 0", "0"}},
      {"gamma of the weighting not a number",
       make_loss({Dsm{}, schedule::Vp{}, weighting::MinSnr{kNan}}),
       {"weighting.gamma", "a finite value > 0", "nan"}},
      {"sigma_data that differ",
       [](const Engine& e) {
         LossPlan(e, net_with(conditioning::None{}, parameterization::Edm{0.25}),
                  {Dsm{}, schedule::LogNormal{}, weighting::Edm{0.5}}, 8);
       },
       {"weighting.sigma_data", "the parameterization's 0.25", "0.5"}},
      {"score projections negative",
       [](const Engine& e) { ScorePlan(e, MlpShape::score(3, {4}), 8, -1); },
       {"projections", "between 1 and 16384", "-1"}},
      {"score without a batch",
       [](const Engine& e) { ScorePlan(e, MlpShape::score(3, {4}), 0); },
       {"max_batch", "between 1 and", "0"}},
  };
}

std::vector<BadMake> bad_schedules() {
  const auto make = [](const NoiseSchedule& schedule) { return make_loss({Dsm{}, schedule}); };
  return {
      {"sigma 0", make(schedule::Single{0}), {"schedule.sigma", kFloat, "0"}},
      {"sigma negative", make(schedule::Single{-1}), {"schedule.sigma", kFloat, "-1"}},
      {"sigma not a number", make(schedule::Single{kNan}), {"schedule.sigma", kFloat, "nan"}},
      {"sigma infinite", make(schedule::Single{kInf}), {"schedule.sigma", kFloat, "inf"}},
      {"sigma below float32", make(schedule::Single{1e-300}), {"schedule.sigma", kFloat, "1e-300"}},
      {"sigma_min 0", make(schedule::Geometric{0, 1}), {"schedule.sigma_min", kFloat, "0"}},
      {"sigma_max infinite", make(schedule::Geometric{1, kInf}), {"schedule.sigma_max", kFloat, "inf"}},
      {"sigma_max above float32", make(schedule::Geometric{1, 1e39}), {"schedule.sigma_max", kFloat, "1e+39"}},
      {"sigma_min above sigma_max",
       make(schedule::Geometric{2, 1}),
       {"schedule.sigma_min", "at most sigma_max 1", "2"}},
      {"levels negative", make(schedule::Geometric{1, 2, -1}), {"schedule.levels", "between 0 and 16777216", "-1"}},
      {"levels huge",
       make(schedule::Geometric{1, 2, 16777217}),
       {"schedule.levels", "between 0 and 16777216", "16777217"}},
      {"mean not a number", make(schedule::LogNormal{kNan, 1}), {"schedule.log_mean", "a finite value", "nan"}},
      {"deviation negative", make(schedule::LogNormal{0, -1}), {"schedule.log_deviation", "a finite value >= 0", "-1"}},
      {"deviation infinite",
       make(schedule::LogNormal{0, kInf}),
       {"schedule.log_deviation", "a finite value >= 0", "inf"}},
      {"draws above float32",
       make(schedule::LogNormal{80, 2}),
       {"schedule.log_mean", "|log_mean| + 6 log_deviation <= 87", "92"}},
      {"draws below float32",
       make(schedule::LogNormal{-88, 0}),
       {"schedule.log_mean", "|log_mean| + 6 log_deviation <= 87", "88"}},
      {"beta_min 0", make(schedule::Vp{0, 20}), {"schedule.beta_min", "a finite value > 0", "0"}},
      {"beta_max infinite", make(schedule::SubVp{0.1, kInf}), {"schedule.beta_max", "a finite value > 0", "inf"}},
      {"beta_min above beta_max", make(schedule::Vp{3, 2}), {"schedule.beta_min", "at most beta_max 2", "3"}},
      {"t_min 0", make(schedule::Vp{0.1, 20, 0, 1}), {"schedule.t_min", "0 < t_min < t_max <= 1", "0"}},
      {"t_min not a number", make(schedule::Cosine{kNan, 0.9}), {"schedule.t_min", "0 < t_min < t_max < 1", "nan"}},
      {"t_max above 1", make(schedule::SubVp{0.1, 20, 0.1, 1.5}), {"schedule.t_max", "0 < t_min < t_max <= 1", "1.5"}},
      {"t_max of a flow 1",
       make(schedule::RectifiedFlow{0.1, 1}),
       {"schedule.t_max", "0 < t_min < t_max < 1, as alpha", "1"}},
      {"t_min above t_max", make(schedule::Cosine{0.9, 0.5}), {"schedule.t_min", "less than t_max 0.5", "0.9"}},
      {"levels that float32 does not hold",
       make(schedule::Vp{1, 200}),
       {"schedule", "a sigma at t_max from 1e-9 to 1e9", "6.65729367"}},
      {"levels of a flow near 0",
       make(schedule::RectifiedFlow{1e-10, 0.5}),
       {"schedule", "a sigma at t_min from 1e-9 to 1e9", "1.00000000"}},
      {"no steps", make(schedule::Ddpm{0}), {"schedule.levels", "between 1 and 65536", "0"}},
      {"steps past their table", make(schedule::Ddpm{65537}), {"schedule.levels", "between 1 and 65536", "65537"}},
      {"beta of a step 1", make(schedule::Ddpm{10, 0.1, 1}), {"schedule.beta_max", "a value below 1", "1"}},
  };
}

std::vector<BadMake> bad_nets() {
  const std::vector<double> none, bad{1, kNan}, many((1 << 20) + 1);
  const auto dim = std::numeric_limits<int>::max();
  return {
      {"dim 0", make_net(changed([](MlpShape& n) { n.dim = 0; })), {"dim", "between 1 and 1048576", "0"}},
      {"dim past its counter",
       make_net(changed([](MlpShape& n) { n.dim = 1048577; })),
       {"dim", "between 1 and 1048576", "1048577"}},
      {"dim negative, by name", [](const Engine&) { MlpShape::score(-1, {}); }, {"dim", "between 1 and 1048576", "-1"}},
      {"dim the largest int, its layers",
       [=](const Engine&) {
         MlpShape net = net_with(conditioning::LogSigma{});
         net.dim = dim;
         net.layers();
       },
       {"dim", "between 1 and 1048576", "2147483647"}},
      {"width 0",
       make_net(changed([](MlpShape& n) {
         n.hidden = {4, 0};
       })),
       {"hidden", "between 1 and 1048576", "0"}},
      {"width negative, its parameters",
       [](const Engine&) { changed([](MlpShape& n) { n.hidden = {-4}; }).param_count(); },
       {"hidden", "between 1 and 1048576", "-4"}},
      {"width the largest int, drawn",
       [=](const Engine&) {
         changed([=](MlpShape& n) { n.hidden = {dim, dim, dim, dim}; }).initial_params(1, Initialization::torch);
       },
       {"hidden", "between 1 and 1048576", "2147483647"}},
      {"too many layers",
       make_net(changed([](MlpShape& n) { n.hidden.assign(1025, 1); })),
       {"hidden", "at most 1024 layers", "1025"}},
      {"too many parameters",
       make_net(changed([](MlpShape& n) { n.hidden.assign(3, 1 << 20); })),
       {"net.param_count", "between 1 and 1099511627776", "2199032692739"}},
      {"no such activation",
       make_net(changed([](MlpShape& n) { n.activation = static_cast<Activation>(4); })),
       {"activation", "between 0 and 3", "4"}},
      {"no such kind",
       make_net(changed([](MlpShape& n) { n.kind = static_cast<MlpShape::Kind>(2); })),
       {"kind", "between 0 and 1", "2"}},
      {"sigma_data 0",
       make_net(net_with(conditioning::None{}, parameterization::Edm{0})),
       {"parameterization.sigma_data", "a finite value > 0", "0"}},
      {"sigma_data not a number",
       make_net(net_with(conditioning::None{}, parameterization::Edm{kNan})),
       {"parameterization.sigma_data", "a finite value > 0", "nan"}},
      {"no frequencies",
       make_net(net_with(conditioning::Fourier{none})),
       {"conditioning.frequencies", "between 1 and 1048576", "0"}},
      {"too many frequencies",
       make_net(net_with(conditioning::Fourier{many})),
       {"conditioning.frequencies", "between 1 and 1048576", "1048577"}},
      {"a frequency not a number",
       make_net(net_with(conditioning::Fourier{bad})),
       {"conditioning.frequencies", "finite values", "nan"}},
      {"random frequencies, none",
       [](const Engine&) { conditioning::Fourier::random(0); },
       {"count", "between 1 and 1048576", "0"}},
      {"random frequencies, too many",
       [=](const Engine&) { conditioning::Fourier::random(dim); },
       {"count", "between 1 and 1048576", "2147483647"}},
      {"random frequencies with scale 0",
       [](const Engine&) { conditioning::Fourier::random(1, 0); },
       {"scale", "a finite value > 0", "0"}},
  };
}

std::vector<BadMake> bad_parts() {
  const auto plain = Parameterization{};
  return {
      {"head of no dimension", make_head(0, {Ism{}}, 8), {"dim", "between 1 and 1048576", "0"}},
      {"head without a batch", make_head(3, {Ism{}}, 0), {"max_batch", "between 1 and", "0"}},
      {"head with a control variate",
       make_head(3, {Dsm{Dsm::Variance::control_variate}, schedule::LogNormal{}}, 8),
       {"loss.objective", "Dsm with Variance::plain", "a variance reduction", ErrorCode::unsupported}},
      {"head with antithetic pairs",
       make_head(3, {Dsm{Dsm::Variance::antithetic}, schedule::LogNormal{}}, 8),
       {"loss.objective", "Dsm with Variance::plain", "a variance reduction", ErrorCode::unsupported}},
      {"head of a bad sigma_data",
       make_head(3, {Ism{}}, 8, parameterization::Edm{-0.5}),
       {"parameterization.sigma_data", "a finite value > 0", "-0.5"}},
      {"head of sigma_data that differ",
       make_head(3, {Ism{}, {}, weighting::Edm{0.5}}, 8, parameterization::Edm{1}),
       {"weighting.sigma_data", "the parameterization's 1", "0.5"}},
      {"head of a bad schedule", make_head(3, {Dsm{}, schedule::Single{-1}}, 8), {"schedule.sigma", kFloat, "-1"}},
      {"perturbation of no dimension",
       [](const Engine& e) { PerturbPlan(e, 0, schedule::LogNormal{}, 8); },
       {"dim", "between 1 and 1048576", "0"}},
      {"perturbation by a bad schedule",
       [](const Engine& e) { PerturbPlan(e, 3, schedule::Single{0}, 8); },
       {"schedule.sigma", kFloat, "0"}},
      {"perturbation without a batch",
       [](const Engine& e) { PerturbPlan(e, 3, schedule::None{}, -1); },
       {"max_batch", "between 1 and", "-1"}},
      {"perturbation with no features",
       [=](const Engine& e) { PerturbPlan(e, 3, schedule::None{}, 8, plain, conditioning::Fourier{}); },
       {"conditioning.frequencies", "between 1 and 1048576", "0"}},
      {"directions of no dimension",
       [](const Engine& e) { DirectionPlan(e, 0, 1, Projection::gaussian, 8); },
       {"dim", "between 1 and 1048576", "0"}},
      {"no directions",
       [](const Engine& e) { DirectionPlan(e, 3, 0, Projection::gaussian, 8); },
       {"projections", "between 1 and 16384", "0"}},
      {"directions with no such distribution",
       [](const Engine& e) { DirectionPlan(e, 3, 1, static_cast<Projection>(-1), 8); },
       {"distribution", "between 0 and 5", "-1"}},
      {"more directions than a frame has",
       [](const Engine& e) { DirectionPlan(e, 3, 4, Projection::orthogonal, 8); },
       {"projections", "at most 3, as distribution orthogonal has no more in dimension 3", "4"}},
      {"a score with more directions than coordinates",
       [](const Engine& e) { ScorePlan(e, MlpShape::score(3, {4}), 8, 4, Projection::coordinates); },
       {"projections", "at most 3, as distribution coordinates has no more in dimension 3", "4"}},
      {"directions without a batch",
       [](const Engine& e) { DirectionPlan(e, 3, 1, Projection::gaussian, 0); },
       {"max_batch", "between 1 and", "0"}},
  };
}

class BadPlan : public Engines {};

TEST_P(BadPlan, Losses) { expect_all_refused(engine(), bad_losses()); }
TEST_P(BadPlan, Schedules) { expect_all_refused(engine(), bad_schedules()); }
TEST_P(BadPlan, Nets) { expect_all_refused(engine(), bad_nets()); }
TEST_P(BadPlan, Parts) { expect_all_refused(engine(), bad_parts()); }

// The largest allowed batch costs no memory: the scratch of a plan does not grow with it.
TEST_P(BadPlan, TheLargestBatchIsGood) {
  const Engine on = engine();
  const Loss loss{Dsm{}, schedule::LogNormal{}};
  const std::size_t small = LossPlan(on, MlpShape::score(3, {4}), loss, 1 << 16).workspace_bytes();
  EXPECT_EQ(LossPlan(on, MlpShape::score(3, {4}), loss, std::int64_t{1} << 40).workspace_bytes(), small);
}

INSTANTIATE_TEST_SUITE_P(On, BadPlan, engines(), engine_name);

TEST(BadPlan, CpuEngineHasNoTf32AndOneRouteAndBf16WhereTheProcessorHas) {
  const Engine engine = Engine::cpu(1);
  const MlpShape net = MlpShape::score(3, {4});
  std::vector<Compute> refused = {{Precision::tf32}, {Precision::fp32, Route::fused}, {Precision::fp32, Route::narrow}};
  if (cpu::has_bf16_products())
    LossPlan(engine, net, {Ism{}}, 8, {Precision::bf16, Route::layered});
  else
    refused.push_back({Precision::bf16});
  for (const Compute& compute : refused)
    for (const bool is_loss : {true, false}) {
      try {
        if (is_loss)
          LossPlan(engine, net, {Ism{}}, 8, compute);
        else
          ScorePlan(engine, net, 8, 0, Projection::gaussian, compute);
        ADD_FAILURE() << "accepted";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::unsupported);
        EXPECT_EQ(error.argument(), compute.route != Route::automatic ? "compute.route" : "compute.precision");
      }
    }
  LossPlan(engine, net, {Ism{}}, 8, {Precision::fp32, Route::layered});
  LossPlan(Engine::reference(), net, {Ism{}}, 8, {Precision::bf16, Route::fused});
}

}  // namespace
}  // namespace scorematch::test
