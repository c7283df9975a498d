// The results of the C interface are bit-identical to those of the C++ interface, for every option in its texts.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "scorematch/scorematch.h"
#include "scorematch/scorematch_c.h"
#include "support/engine_test.h"

namespace scorematch::testing_support {
namespace {

constexpr int kDim = 3;
constexpr std::int64_t kRows = 20;

void ok(scorematch_status status) { ASSERT_EQ(status, SCOREMATCH_OK) << scorematch_last_error(); }

scorematch_view view_of(const Buffer<float>& buffer) {
  const ConstView view = buffer;
  return view.shape.rank == 3 ? scorematch_stack(view.data, SCOREMATCH_F32, view.shape.extent[0], view.shape.extent[1],
                                                 view.shape.extent[2])
                              : scorematch_array(view.data, SCOREMATCH_F32, view.shape.extent[0], view.shape.extent[1]);
}

struct TextAndLoss {
  const char* text;
  Loss loss;
};

const MlpShape& net() {
  static const MlpShape net = [] {
    MlpShape made = MlpShape::score(kDim, {17, 17}, Activation::gelu);
    made.parameterization = parameterization::Edm{0.25};
    made.conditioning = conditioning::Fourier::random(3, 0.5, 11);
    made.residual = true;
    return made;
  }();
  return net;
}
constexpr const char* kNet =
    "dim=3 hidden=17,17 activation=gelu parameterization=edm sigma_data=0.25 conditioning=fourier fourier=3 "
    "fourier_scale=0.5 fourier_seed=11 residual=true";

/// One loss with a gradient through each interface, in memory of the engine.
class CEquality : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    const auto make = engine_.kind() == Engine::Kind::reference ? scorematch_engine_reference(&c_engine_)
                      : engine_.kind() == Engine::Kind::cpu     ? scorematch_engine_cpu(0, &c_engine_)
                                                                : scorematch_engine_cuda(0, &c_engine_);
    ok(make);
    ok(scorematch_net_create(kNet, &c_net_));
    ok(scorematch_noise_create(c_engine_, &kPlace, &c_noise_));
    std::vector<float> values;
    for (int i = 0; i < kRows * kDim; ++i) values.push_back(std::sin(static_cast<float>(i)));
    x_ = engine_.upload(values, {kRows, kDim});
    params_ = engine_.upload(net().initial_params(5, Initialization::torch));
  }
  void TearDown() override {
    scorematch_noise_destroy(c_noise_);
    scorematch_net_destroy(c_net_);
    scorematch_engine_destroy(c_engine_);
  }
  scorematch_queue* c_queue(std::size_t bytes) {
    scorematch_queue* queue = nullptr;
    ok(scorematch_queue_create(c_engine_, bytes, nullptr, &queue));
    return queue;
  }
  std::vector<float> read(const Buffer<float>& buffer) { return Queue(engine_, 0).read(buffer); }

  static constexpr scorematch_noise_position kPlace = {77, 5, 1000};
  const Engine engine_ = engine;
  NoiseState noise_{engine_, {77, 5, 1000}};
  Buffer<float> x_, params_;
  scorematch_engine* c_engine_ = nullptr;
  scorematch_net* c_net_ = nullptr;
  scorematch_noise* c_noise_ = nullptr;
};

TEST_P(CEquality, OfEveryLoss) {
  const TextAndLoss losses[] = {
      {"objective=dsm schedule=log_normal weighting=edm sigma_data=0.25",
       {Dsm{}, schedule::LogNormal{}, weighting::Edm{0.25}}},
      {"objective=dsm variance=control_variate schedule=log_normal log_mean=-0.5 log_deviation=0.75",
       {Dsm{Dsm::Variance::control_variate}, schedule::LogNormal{-0.5, 0.75}}},
      {"objective=dsm variance=antithetic schedule=single sigma=0.3",
       {Dsm{Dsm::Variance::antithetic}, schedule::Single{0.3}}},
      {"objective=ism schedule=geometric sigma_min=0.1 sigma_max=2 levels=7 weighting=sigma2",
       {Ism{}, schedule::Geometric{0.1, 2, 7}, weighting::Sigma2{}}},
      {"objective=ssm projections=3 distribution=rademacher schedule=geometric",
       {Ssm{3, Projection::rademacher}, schedule::Geometric{}}},
      {"objective=ssm_vr projections=2 distribution=sphere schedule=single",
       {SsmVr{2, Projection::sphere}, schedule::Single{}}},
      {"objective=ssm_vr projections=2 distribution=hadamard schedule=single",
       {SsmVr{2, Projection::hadamard}, schedule::Single{}}},
      {"objective=ssm_vr schedule=log_normal", {SsmVr{}, schedule::LogNormal{}}},
      {"objective=dsm schedule=rectified_flow t_min=0.01 weighting=min_snr gamma=3",
       {Dsm{}, schedule::RectifiedFlow{0.01}, weighting::MinSnr{3}}},
      {"objective=dsm schedule=ddpm levels=20 beta_max=0.3 weighting=v_prediction",
       {Dsm{}, schedule::Ddpm{20, 1e-4, 0.3}, weighting::VPrediction{}}},
  };
  for (const auto& [text, loss] : losses) {
    SCOPED_TRACE(text);
    const LossPlan plan(engine_, net(), loss, kRows);
    Queue queue(engine_, plan.workspace_bytes());
    auto grad = engine_.allocate<float>(net().param_count()), c_grad = engine_.allocate<float>(net().param_count());
    auto estimate = engine_.allocate<Estimate>(), c_estimate = engine_.allocate<Estimate>();
    plan.run(queue, {params_, {x_, noise_.from(4)}}, {estimate.data(), grad}, {64, false, 0.5});
    queue.synchronize();

    scorematch_loss_plan* c_plan = nullptr;
    std::size_t bytes = 0;
    ok(scorematch_loss_plan_create(c_engine_, c_net_, text, kRows, nullptr, &c_plan));
    ok(scorematch_loss_plan_workspace_bytes(c_plan, &bytes));
    EXPECT_EQ(bytes, plan.workspace_bytes());
    scorematch_queue* line = c_queue(bytes);
    scorematch_loss_in in{};
    scorematch_loss_out out{};
    scorematch_reduction part{};
    in.struct_size = sizeof in;
    out.struct_size = sizeof out;
    part.struct_size = sizeof part;
    in.params = view_of(params_);
    in.batch.x = view_of(x_);
    in.batch.noise = scorematch_noise_from(c_noise_, 4);
    out.loss = reinterpret_cast<scorematch_estimate*>(c_estimate.data());
    out.grad = view_of(c_grad);
    part.normaliser = 64;
    part.loss_scale = 0.5;
    ok(scorematch_loss_plan_run(c_plan, line, &in, &out, &part));
    scorematch_estimate read{};
    ok(scorematch_queue_read_estimate(line, out.loss, &read));
    const Estimate expected = queue.read_one(estimate);
    EXPECT_EQ(std::memcmp(&read, &expected, sizeof read), 0);
    EXPECT_EQ(scorematch_estimate_standard_error(&read), expected.standard_error());
    EXPECT_EQ(Queue(engine_, 0).read(c_grad), queue.read(grad));
    scorematch_queue_destroy(line);
    scorematch_loss_plan_destroy(c_plan);
  }
}

// A net with a context, its loss and its guided samples.
TEST_P(CEquality, OfContexts) {
  MlpShape with = net();
  with.context = {4, true};
  Loss loss{Dsm{}, schedule::LogNormal{}};
  loss.context_dropout = 0.5;
  const std::vector<std::int64_t> classes = [] {
    std::vector<std::int64_t> all;
    for (int i = 0; i < kRows; ++i) all.push_back(i % 4);
    return all;
  }();
  const auto labels = engine_.upload(classes);
  const auto params = engine_.upload(with.initial_params(6, Initialization::torch));
  const LossPlan plan(engine_, with, loss, kRows);
  const SamplerPlan sampler(engine_, with, ProbabilityFlow{0.1, 5, 4}, kRows, 2.5);
  Queue queue(engine_, std::max(plan.workspace_bytes(), sampler.workspace_bytes()));
  auto grad = engine_.allocate<float>({kRows, 4}), c_grad = engine_.allocate<float>({kRows, 4});
  auto samples = engine_.allocate<float>({kRows, kDim}), c_samples = engine_.allocate<float>({kRows, kDim});
  LossPlan::In in{params, {x_, noise_}};
  in.batch.labels = labels;
  LossPlan::Out out;
  out.grad_context = grad;
  plan.run(queue, in, out);
  sampler.run(queue, {params, noise_, {}, labels}, {samples});
  queue.synchronize();

  scorematch_net* c_net = nullptr;
  scorematch_loss_plan* c_plan = nullptr;
  scorematch_sampler_plan* c_sampler = nullptr;
  ok(scorematch_net_create((std::string(kNet) + " context=4 context_optional=true").c_str(), &c_net));
  ok(scorematch_loss_plan_create(c_engine_, c_net, "objective=dsm schedule=log_normal context_dropout=0.5", kRows,
                                 nullptr, &c_plan));
  ok(scorematch_sampler_plan_create(c_engine_, c_net, "sampler=flow sigma_min=0.1 sigma_max=5 steps=4 guidance=2.5",
                                    kRows, &c_sampler));
  scorematch_queue* line = c_queue(std::max(plan.workspace_bytes(), sampler.workspace_bytes()));
  scorematch_loss_in c_in{};
  scorematch_loss_out c_out{};
  c_in.struct_size = sizeof c_in, c_out.struct_size = sizeof c_out;
  c_in.params = view_of(params);
  c_in.batch.x = view_of(x_), c_in.batch.noise = scorematch_noise_from(c_noise_, 0);
  c_in.batch.labels = scorematch_array(labels.data(), SCOREMATCH_I64, kRows, 0);
  c_out.grad_context = view_of(c_grad);
  ok(scorematch_loss_plan_run(c_plan, line, &c_in, &c_out, nullptr));
  scorematch_sampler_in s_in{};
  scorematch_sampler_out s_out{};
  s_in.struct_size = sizeof s_in, s_out.struct_size = sizeof s_out;
  s_in.params = view_of(params), s_in.noise = scorematch_noise_from(c_noise_, 0), s_in.labels = c_in.batch.labels;
  s_out.x = view_of(c_samples);
  ok(scorematch_sampler_plan_run_with(c_sampler, line, &s_in, &s_out));
  ok(scorematch_queue_synchronize(line));
  EXPECT_EQ(read(c_grad), queue.read(grad));
  EXPECT_EQ(read(c_samples), queue.read(samples));
  const char* text = nullptr;
  ok(scorematch_net_text(c_net, &text));
  EXPECT_NE(std::string(text).find("context=4"), std::string::npos) << text;
  scorematch_queue_destroy(line);
  scorematch_sampler_plan_destroy(c_sampler);
  scorematch_loss_plan_destroy(c_plan);
  scorematch_net_destroy(c_net);
}

TEST_P(CEquality, OfEverySampler) {
  const std::pair<const char*, Sampler> samplers[] = {
      {"sampler=flow", ProbabilityFlow{}},
      {"sampler=flow sigma_min=0.02 sigma_max=20 steps=5 rho=3", ProbabilityFlow{0.02, 20, 5, 3}},
      {"sampler=sde steps=12 sigma_max=10 prior_deviation=0.5", ReverseSde{0.002, 10, 12, 7, 0.5}},
      {"sampler=flow prior_deviation=3 sigma_max=2", ProbabilityFlow{0.002, 2, 18, 7, 3}},
      {"sampler=annealed sigma_min=0.5 sigma_max=2 prior_deviation=3", AnnealedLangevin{0.5, 2, 0, 5, 0, 3}},
      {"sampler=langevin sigma=0.5", Langevin{0.5}},
      {"sampler=langevin sigma=0.5 step_size=0.02 steps=6 sigma_start=2", Langevin{0.5, 0.02, 6, 2, false}},
      {"sampler=annealed sigma_min=0.1 sigma_max=5 levels=4 steps_per_level=3 step_size=0.01",
       AnnealedLangevin{0.1, 5, 4, 3, 0.01}},
  };
  for (const auto& [text, sampler] : samplers) {
    SCOPED_TRACE(text);
    const SamplerPlan plan(engine_, net(), sampler, 4);
    Queue queue(engine_, plan.workspace_bytes());
    auto samples = engine_.allocate<float>({4, kDim}), c_samples = engine_.allocate<float>({4, kDim});
    plan.run(queue, params_, noise_, samples);
    scorematch_sampler_plan* c_plan = nullptr;
    ok(scorematch_sampler_plan_create(c_engine_, c_net_, text, 4, &c_plan));
    scorematch_queue* line = c_queue(plan.workspace_bytes());
    const scorematch_view params = view_of(params_);
    scorematch_sampler_out out{};
    out.struct_size = sizeof out, out.x = view_of(c_samples);
    ok(scorematch_sampler_plan_run(c_plan, line, &params, scorematch_noise_from(c_noise_, 0), &out));
    ok(scorematch_queue_synchronize(line));
    EXPECT_EQ(read(c_samples), queue.read(samples));
    scorematch_queue_destroy(line);
    scorematch_sampler_plan_destroy(c_plan);
  }
}

TEST_P(CEquality, OfCorrectedChains) {
  MlpShape energy = MlpShape::energy(kDim, {17, 17}, Activation::gelu);
  energy.parameterization = parameterization::Edm{0.25};
  const auto params = engine_.upload(energy.initial_params(5, Initialization::torch));
  const SamplerPlan plan(engine_, energy, Langevin{0.5, 0.3, 6, 0.5, true}, kRows);
  Queue queue(engine_, plan.workspace_bytes());
  auto x = engine_.allocate<float>({kRows, kDim}), c_x = engine_.allocate<float>({kRows, kDim});
  auto share = engine_.allocate<float>(kRows), c_share = engine_.allocate<float>(kRows);
  auto acceptance = engine_.allocate<Estimate>(), c_acceptance = engine_.allocate<Estimate>();
  plan.run(queue, params, noise_, {x, acceptance.data(), share});
  const Estimate expected = queue.read_one(acceptance);
  EXPECT_GT(expected.mean, 0);
  EXPECT_LT(expected.mean, 1);  // otherwise the correction would not show

  scorematch_net* c_energy = nullptr;
  scorematch_sampler_plan* c_plan = nullptr;
  ok(scorematch_net_create("net=energy dim=3 hidden=17,17 activation=gelu parameterization=edm sigma_data=0.25",
                           &c_energy));
  ok(scorematch_sampler_plan_create(c_engine_, c_energy,
                                    "sampler=langevin sigma=0.5 step_size=0.3 steps=6 sigma_start=0.5 metropolis=true",
                                    kRows, &c_plan));
  scorematch_queue* line = c_queue(plan.workspace_bytes());
  const scorematch_view c_params = view_of(params);
  scorematch_sampler_out out{};
  out.struct_size = sizeof out, out.x = view_of(c_x);
  out.acceptance = reinterpret_cast<scorematch_estimate*>(c_acceptance.data());
  out.acceptance_per_sample = view_of(c_share);
  ok(scorematch_sampler_plan_run(c_plan, line, &c_params, scorematch_noise_from(c_noise_, 0), &out));
  scorematch_estimate got{};
  ok(scorematch_queue_read_estimate(line, out.acceptance, &got));
  EXPECT_EQ(std::memcmp(&got, &expected, sizeof got), 0);
  EXPECT_EQ(read(c_x), queue.read(x));
  EXPECT_EQ(read(c_share), queue.read(share));
  scorematch_queue_destroy(line);
  scorematch_sampler_plan_destroy(c_plan);
  scorematch_net_destroy(c_energy);
}

TEST_P(CEquality, OfLikelihoods) {
  for (const int projections : {0, 2}) {
    SCOPED_TRACE(projections);
    Likelihood options{0.1, 5, 3, 5, projections, Projection::gaussian, 0.5};
    const LikelihoodPlan plan(engine_, net(), options, 4);
    Queue queue(engine_, plan.workspace_bytes());
    auto values = engine_.allocate<float>(4), c_values = engine_.allocate<float>(4);
    auto latent = engine_.allocate<float>({4, kDim}), c_latent = engine_.allocate<float>({4, kDim});
    const ConstView x = ConstView(x_).samples(0, 4);
    auto mean = engine_.allocate<Estimate>(), c_mean = engine_.allocate<Estimate>();
    plan.run(queue, {params_, {x, noise_}}, {values, latent, mean.data()});
    scorematch_likelihood_plan* c_plan = nullptr;
    const std::string text =
        "sigma_min=0.1 sigma_max=5 steps=3 rho=5 distribution=gaussian prior_deviation=0.5 projections=" +
        std::to_string(projections);
    ok(scorematch_likelihood_plan_create(c_engine_, c_net_, text.c_str(), 4, nullptr, &c_plan));
    scorematch_queue* line = c_queue(plan.workspace_bytes());
    scorematch_likelihood_in in{};
    in.struct_size = sizeof in, in.params = view_of(params_),
    in.batch.x = scorematch_array(x.data, SCOREMATCH_F32, 4, kDim);
    in.batch.noise = scorematch_noise_from(c_noise_, 0);
    scorematch_likelihood_out out{};
    out.struct_size = sizeof out, out.log_likelihood = view_of(c_values), out.latent = view_of(c_latent);
    out.mean = reinterpret_cast<scorematch_estimate*>(c_mean.data());
    ok(scorematch_likelihood_plan_run(c_plan, line, &in, &out));
    ok(scorematch_queue_synchronize(line));
    EXPECT_EQ(read(c_values), queue.read(values));
    EXPECT_EQ(read(c_latent), queue.read(latent));
    scorematch_estimate got{};
    ok(scorematch_queue_read_estimate(line, out.mean, &got));
    const Estimate expected = queue.read_one(mean);
    EXPECT_EQ(std::memcmp(&got, &expected, sizeof got), 0);
    scorematch_queue_destroy(line);
    scorematch_likelihood_plan_destroy(c_plan);
  }
}

TEST_P(CEquality, OfWhatIsDrawnAndOfTheHead) {
  const PerturbPlan perturb(engine_, kDim, schedule::LogNormal{}, kRows, net().parameterization, net().conditioning);
  const DirectionPlan directions(engine_, kDim, 2, Projection::gaussian, kRows);
  const HeadPlan head(engine_, kDim, {SsmVr{2}, schedule::LogNormal{}, weighting::Edm{0.25}}, kRows,
                      net().parameterization);
  Queue queue(engine_, head.workspace_bytes());
  auto input = engine_.allocate<float>({kRows, kDim + 6}), c_input = engine_.allocate<float>({kRows, kDim + 6});
  auto v = engine_.allocate<float>({2, kRows, kDim}), c_v = engine_.allocate<float>({2, kRows, kDim});
  auto back = engine_.allocate<float>({kRows, kDim}), c_back = engine_.allocate<float>({kRows, kDim});
  perturb.run(queue, {x_, noise_}, {input});
  directions.run(queue, noise_, v);
  HeadPlan::In head_in{{x_, noise_}, x_};  // any values work as the output
  head_in.jvp = v;
  head.run(queue, head_in, {nullptr, back});

  scorematch_perturb_plan* c_perturb = nullptr;
  scorematch_direction_plan* c_directions = nullptr;
  scorematch_head_plan* c_head = nullptr;
  ok(scorematch_perturb_plan_create(c_engine_, kDim,
                                    "schedule=log_normal parameterization=edm sigma_data=0.25 conditioning=fourier "
                                    "fourier=3 fourier_scale=0.5 fourier_seed=11",
                                    kRows, &c_perturb));
  ok(scorematch_direction_plan_create(c_engine_, kDim, "projections=2", kRows, &c_directions));
  ok(scorematch_head_plan_create(
      c_engine_, kDim,
      "objective=ssm_vr projections=2 schedule=log_normal weighting=edm parameterization=edm sigma_data=0.25", kRows,
      &c_head));
  scorematch_queue* line = c_queue(head.workspace_bytes());
  scorematch_perturb_in in{};
  scorematch_perturb_out out{};
  scorematch_head_in c_head_in{};
  scorematch_head_out c_head_out{};
  in.struct_size = sizeof in;
  out.struct_size = sizeof out;
  c_head_in.struct_size = sizeof c_head_in;
  c_head_out.struct_size = sizeof c_head_out;
  in.batch.x = c_head_in.output = c_head_in.batch.x = view_of(x_);
  in.batch.noise = c_head_in.batch.noise = scorematch_noise_from(c_noise_, 0);
  out.net_input = view_of(c_input);
  ok(scorematch_perturb_plan_run(c_perturb, line, &in, &out));
  const scorematch_view drawn = view_of(c_v);
  ok(scorematch_direction_plan_run(c_directions, line, in.batch.noise, &drawn));
  c_head_in.jvp = drawn;
  c_head_out.grad_output = view_of(c_back);
  ok(scorematch_head_plan_run(c_head, line, &c_head_in, &c_head_out, nullptr));
  ok(scorematch_queue_synchronize(line));
  EXPECT_EQ(read(c_input), queue.read(input));
  EXPECT_EQ(read(c_v), queue.read(v));
  EXPECT_EQ(read(c_back), queue.read(back));
  scorematch_queue_destroy(line);
  scorematch_head_plan_destroy(c_head);
  scorematch_direction_plan_destroy(c_directions);
  scorematch_perturb_plan_destroy(c_perturb);
}

TEST_P(CEquality, OfScoresAndOfPrecisions) {
  const bool is_cpu = engine_.kind() == Engine::Kind::cpu;  // it has bf16 only on some processors
  const Compute fast{is_cpu ? Precision::fp32 : Precision::bf16, Route::layered};
  if (is_cpu) {
    scorematch_score_plan* none = nullptr;
    EXPECT_EQ(scorematch_score_plan_create(c_engine_, c_net_, kRows, nullptr, "precision=tf32", &none),
              SCOREMATCH_UNSUPPORTED);
  }
  const ScorePlan plan(engine_, net(), kRows, 2, Projection::sphere, fast);
  Queue queue(engine_, plan.workspace_bytes());
  auto sigma = engine_.upload(std::vector<float>{0.5f});
  auto score = engine_.allocate<float>({kRows, kDim}), c_score = engine_.allocate<float>({kRows, kDim});
  auto jvp = engine_.allocate<float>({2, kRows, kDim}), c_jvp = engine_.allocate<float>({2, kRows, kDim});
  plan.run(queue, {params_, {x_, noise_, sigma}}, {score, jvp});
  scorematch_score_plan* c_plan = nullptr;
  ok(scorematch_score_plan_create(c_engine_, c_net_, kRows, "projections=2 distribution=sphere",
                                  is_cpu ? "precision=fp32 route=layered" : "precision=bf16 route=layered", &c_plan));
  scorematch_queue* line = c_queue(plan.workspace_bytes());
  scorematch_score_in in{};
  scorematch_score_out out{};
  in.struct_size = sizeof in;
  out.struct_size = sizeof out;
  in.params = view_of(params_);
  in.batch.x = view_of(x_);
  in.batch.sigma = view_of(sigma);
  in.batch.noise = scorematch_noise_from(c_noise_, 0);
  out.score = view_of(c_score);
  out.jvp = view_of(c_jvp);
  ok(scorematch_score_plan_run(c_plan, line, &in, &out));
  ok(scorematch_queue_synchronize(line));
  EXPECT_EQ(read(c_score), queue.read(score));
  EXPECT_EQ(read(c_jvp), queue.read(jvp));
  scorematch_plan_report report{};
  report.struct_size = sizeof report;
  ok(scorematch_score_plan_report(c_plan, kRows, &report));
  const PlanReport expected = plan.report(kRows);
  EXPECT_EQ(report.route, static_cast<int>(expected.route));
  EXPECT_EQ(report.launches, expected.launches);
  EXPECT_EQ(report.text, expected.text.substr(0, sizeof report.text - 1));
  scorematch_queue_destroy(line);
  scorematch_score_plan_destroy(c_plan);
}

INSTANTIATE_TEST_SUITE_P(Engines, CEquality, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace scorematch::testing_support
