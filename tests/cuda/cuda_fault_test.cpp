// Makes every call to CUDA and cuBLASLt that can fail do so, one after the other. Each time an Error reports it,
// nothing leaks, and the next attempt succeeds.
#include <algorithm>
#include <functional>
#include <set>

#include "cuda/cuda_fixture.h"
#include "scorematch/scorematch.h"

namespace scorematch::testing_support {
namespace {

namespace runtime = simt::runtime;

class CudaFault : public CudaTest {};

MlpShape net(MlpShape::Kind kind = MlpShape::Kind::score) {
  MlpShape net = MlpShape::score(3, {8});
  net.kind = kind;
  net.conditioning = conditioning::Fourier::random(2, 0.3, 1);
  return net;
}

/// One plan of every kind, and a call of each.
struct Plans {
  explicit Plans(const Engine& engine)
      : loss(engine, net(), {Ssm{9, Projection::sphere}, schedule::LogNormal{}, weighting::None{}}, 8),
        energy_loss(engine, net(MlpShape::Kind::energy), {SsmVr{9, Projection::sphere}, schedule::LogNormal{}}, 8),
        score(engine, net(), 8, 2),
        energy_score(engine, net(MlpShape::Kind::energy), 8, 2),
        perturb(engine, 3, schedule::Single{0.5}, 8),
        direction(engine, 3, 2, Projection::sphere, 8),
        head(engine, 3, {SsmVr{2, Projection::sphere}}, 8),
        sampler(engine, net(), ProbabilityFlow{0.1, 2, 2, 7}, 8),
        noise(engine, 3),
        params(engine.upload(net().initial_params(1, Initialization::torch))),
        x(engine.upload(std::vector<float>(24, 0.5f), {8, 3})),
        sigma(engine.upload(std::vector<float>{0.5f})),
        jvp(engine.upload(std::vector<float>(48, 0.25f), {2, 8, 3})),
        energy_params(engine.upload(net(MlpShape::Kind::energy).initial_params(1, Initialization::torch))),
        grad(engine.allocate<float>(net().param_count())),
        energy_grad(engine.allocate<float>(net(MlpShape::Kind::energy).param_count())),
        log_density(engine.allocate<float>(8)),
        scores(engine.allocate<float>({8, 3})),
        perturbed(engine.allocate<float>({8, 3})),
        directions(engine.allocate<float>({2, 8, 3})),
        adjoints(engine.allocate<float>({8, 3})),
        samples(engine.allocate<float>({8, 3})),
        estimate(engine.allocate<Estimate>()) {}

  std::size_t workspace_bytes() const {
    return std::max({loss.workspace_bytes(), score.workspace_bytes(), energy_loss.workspace_bytes(),
                     energy_score.workspace_bytes(), head.workspace_bytes(), sampler.workspace_bytes()});
  }

  struct Call {
    const char* plan;
    std::function<void(Queue&)> run;
    Buffer<float>* out;
  };
  std::vector<Call> calls() {
    return {{"loss",
             [this](Queue& q) {
               loss.run(q, {params, {x, noise}}, {estimate.data(), grad});
             },
             &grad},
            {"energy loss",
             [this](Queue& q) {
               energy_loss.run(q, {energy_params, {x, noise}}, {estimate.data(), energy_grad});
             },
             &energy_grad},
            {"energy score",
             [this](Queue& q) {
               ScorePlan::Out out;
               out.score = scores, out.jvp = directions, out.log_density = log_density;
               energy_score.run(q, {energy_params, {x, noise, sigma}}, out);
             },
             &directions},
            {"score",
             [this](Queue& q) {
               ScorePlan::Out out;
               out.score = scores;
               score.run(q, {params, {x, {}, sigma}}, out);
             },
             &scores},
            {"perturb",
             [this](Queue& q) {
               perturb.run(q, {x, noise}, {{}, {}, perturbed});
             },
             &perturbed},
            {"direction", [this](Queue& q) { direction.run(q, noise, directions); }, &directions},
            {"head",
             [this](Queue& q) {
               HeadPlan::In in;
               in.output = x, in.batch.noise = noise, in.jvp = jvp;
               HeadPlan::Out out;
               out.loss = estimate.data(), out.grad_output = adjoints;
               head.run(q, in, out);
             },
             &adjoints},
            {"sampler", [this](Queue& q) { sampler.run(q, params, noise, samples); }, &samples}};
  }

  LossPlan loss, energy_loss;
  ScorePlan score, energy_score;
  PerturbPlan perturb;
  DirectionPlan direction;
  HeadPlan head;
  SamplerPlan sampler;
  NoiseState noise;
  Buffer<float> params, x, sigma, jvp, energy_params, grad, energy_grad, log_density, scores, perturbed, directions,
      adjoints, samples;
  Buffer<Estimate> estimate;
};

/// Creates the engine and its plans and calls them all.
void use(const Stream& stream, bool captured) {
  const Engine engine = Engine::cuda();
  Plans plans(engine);
  Adam adam(engine, net().param_count(), {});
  Queue queue(engine, plans.workspace_bytes(), stream.get());
  const auto enqueue = [&] {
    for (const Plans::Call& call : plans.calls()) call.run(queue);
    adam.step(queue, plans.params, plans.grad);
    plans.noise.advance(queue);
  };
  if (captured)
    Graph(stream, enqueue);
  else
    enqueue();
  queue.read(plans.params);
}

/// Fails call after call, until a run in which nothing fails.
void make_every_call_fail(bool captured) {
  int failures = 0;
  std::set<std::string> calls;
  for (int n = 1;; ++n) {
    const Stream stream;
    const std::string before = runtime::live();
    runtime::fail_call(n);
    std::string what;
    ErrorCode code = ErrorCode::invalid_argument;
    try {
      use(stream, captured);
    } catch (const Error& error) {
      what = error.what();
      code = error.code();
    }
    if (!runtime::has_failed()) {
      EXPECT_EQ(what, "");
      break;
    }
    ++failures;
    const std::string call = runtime::failed_call();
    calls.insert(call);
    EXPECT_TRUE(what.find("expected") != std::string::npos) << call << ", call " << n << ": '" << what << "'";
    EXPECT_TRUE(code == ErrorCode::device_fault || code == ErrorCode::out_of_memory ||
                code == ErrorCode::device_unavailable)
        << call << ": " << what;
    if (call == "cudaMalloc" || call == "cublasLtCreate") {
      EXPECT_EQ(code, ErrorCode::out_of_memory);
      EXPECT_NE(what.find("a smaller max_batch"), std::string::npos) << call << ": " << what;
    }
    EXPECT_EQ(runtime::live(), before) << "after " << call << ", call " << n;
    EXPECT_EQ(cudaGetLastError(), cudaSuccess) << "left behind by " << call;
  }
  runtime::fail_call(0);
  EXPECT_GT(failures, 200);
  for (const char* each : {"cudaDriverGetVersion", "cudaPointerGetAttributes", "load_kernel", "enqueue_launch"})
    EXPECT_EQ(calls.count(each), 1u) << each;
}

TEST_F(CudaFault, OfEveryCallIsReportedAndLosesNothing) { make_every_call_fail(false); }
TEST_F(CudaFault, OfEveryCallWhileRecordingIsReportedAndLosesNothing) { make_every_call_fail(true); }

/// A call of a plan that fails halfway, recorded or not, leaves the plan, the queue and the buffers intact.
void make_every_plan_fail(bool captured) {
  const Engine engine = Engine::cuda();
  Plans plans(engine);
  const Stream stream;
  Queue queue(engine, plans.workspace_bytes(), stream.get());
  for (const Plans::Call& call : plans.calls()) {
    SCOPED_TRACE(call.plan);
    const auto run = [&] {
      if (captured)
        Graph(stream, [&] { call.run(queue); }).launch(stream);
      else
        call.run(queue);
    };
    const std::vector<float> zeros(static_cast<std::size_t>(call.out->size()));
    run();
    const std::vector<float> expected = queue.read(*call.out);
    EXPECT_NE(expected, zeros);
    int failures = 0;
    for (int n = 1;; ++n) {
      runtime::fail_call(n);
      bool threw = false;
      try {
        run();
      } catch (const Error&) {
        threw = true;
      }
      const bool failed = runtime::has_failed();
      runtime::fail_call(0);
      EXPECT_EQ(threw, failed) << n;
      queue.write(*call.out, zeros.data());
      run();
      EXPECT_EQ(queue.read(*call.out), expected) << "after call " << n;
      if (!failed) break;
      ++failures;
    }
    EXPECT_GE(failures, 4);  // the current device, the location of two arrays, one launch
  }
}

TEST_F(CudaFault, OfACallLeavesItsPlanUsable) { make_every_plan_fail(false); }
TEST_F(CudaFault, OfARecordedCallLeavesItsPlanUsable) { make_every_plan_fail(true); }

TEST_F(CudaFault, OnTheDeviceIsReportedByWhatWaits) {
  const Engine engine = Engine::cuda();
  const MlpShape affine = MlpShape::score(3, {});
  const LossPlan plan(engine, affine, {Dsm{}, schedule::Single{1}}, 8);
  const RawMemory workspace(plan.workspace_bytes());
  const NoiseState noise(engine, 1);
  const auto params = engine.upload(affine.initial_params(1, Initialization::torch)),
             x = engine.upload(std::vector<float>(24), {8, 3});
  const auto rows = engine.upload(std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 8000000});
  auto loss = engine.allocate<Estimate>();
  {
    Queue queue(engine, workspace.data(), workspace.bytes());
    LossPlan::In in{params, {x, noise}};
    in.batch.rows = rows;
    plan.run(queue, in, {loss.data()});  // row index out of range
    try {
      queue.read_one(loss);
      ADD_FAILURE() << "the failure was not reported";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::device_fault);
    }
  }
  EXPECT_FALSE(simt::session().errors.empty());
  simt::session() = {};
}

}  // namespace
}  // namespace scorematch::testing_support
