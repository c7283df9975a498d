// Every call into CUDA and cuBLASLt that can fail is made to, one after the other: each time an Error says so, and
// nothing is left behind; the next attempt succeeds.
#include "cuda/cuda_fixture.h"
#include "scorematch/scorematch.h"

namespace scorematch::testing_support {
namespace {

namespace runtime = simt::runtime;

class CudaFault : public CudaTest {};

MlpShape net() {
  MlpShape net = MlpShape::score(3, {8});
  net.conditioning = conditioning::Fourier::random(2, 0.3, 1);
  return net;
}

/// The engine, its plans and a few of their calls, from the beginning. `stream`: null, or one of the caller's.
std::vector<float> use(const Stream& stream, bool captured) {
  const Engine engine = Engine::cuda();
  const Loss loss{Ssm{9, Projection::sphere}, schedule::LogNormal{}, weighting::None{}};
  const LossPlan plan(engine, net(), loss, 8);
  const ScorePlan score_plan(engine, net(), 8, 2);
  const HeadPlan head(engine, 3, {Dsm{}, schedule::Single{0.5}}, 8);
  Queue queue(engine, std::max(plan.workspace_bytes(), score_plan.workspace_bytes()), stream.get());
  NoiseState noise(engine, 3);
  Adam adam(engine, net().param_count(), {});
  auto params = engine.upload(net().initial_params(1));
  const auto x = engine.upload(std::vector<float>(24, 0.5f), {8, 3}), sigma = engine.upload(std::vector<float>{0.5f});
  auto grad = engine.allocate<float>(net().param_count()), score = engine.allocate<float>({8, 3}),
       adjoint = engine.allocate<float>({8, 3});
  auto estimate = engine.allocate<Estimate>();
  const auto enqueue = [&] {
    PerturbPlan(engine, 3, schedule::Single{0.5}, 8).run(queue, {x, noise}, {{}, {}, score});
    HeadPlan::Out out;
    out.grad_output = adjoint;
    head.run(queue, {score, {}, noise}, out);
    plan.run(queue, {params, x, noise}, {estimate.data(), grad});
    ScorePlan::Out scores;
    scores.score = score;
    score_plan.run(queue, {params, x, sigma}, scores);
    adam.step(queue, params, grad);
    noise.advance(queue);
  };
  if (captured) {
    EXPECT_EQ(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), cudaSuccess);
    cudaGraph_t graph = nullptr;
    try {
      enqueue();
    } catch (...) {
      cudaStreamEndCapture(stream.get(), &graph);
      if (graph != nullptr) cudaGraphDestroy(graph);
      throw;
    }
    EXPECT_EQ(cudaStreamEndCapture(stream.get(), &graph), cudaSuccess);
    cudaGraphDestroy(graph);
  } else {
    enqueue();
  }
  return queue.read(params);
}

/// Until a run in which nothing fails.
void make_every_call_fail(bool captured) {
  int failures = 0;
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
    EXPECT_TRUE(what.find("expected") != std::string::npos) << call << ", call " << n << ": '" << what << "'";
    EXPECT_TRUE(code == ErrorCode::device_fault || code == ErrorCode::out_of_memory ||
                code == ErrorCode::device_unavailable)
        << call << ": " << what;
    if (call == "cudaMalloc") {
      EXPECT_EQ(code, ErrorCode::out_of_memory);
    }
    EXPECT_EQ(runtime::live(), before) << "after " << call << ", call " << n;
    EXPECT_EQ(cudaGetLastError(), cudaSuccess) << "left behind by " << call;
  }
  runtime::fail_call(0);
  EXPECT_GT(failures, 100);
}

TEST_F(CudaFault, OfEveryCallIsReportedAndLosesNothing) { make_every_call_fail(false); }
TEST_F(CudaFault, OfEveryCallWhileRecordingIsReportedAndLosesNothing) { make_every_call_fail(true); }

/// A call of a plan that fails half-way leaves the plan, the queue and the buffers as good as they were.
TEST_F(CudaFault, OfACallLeavesThePlanUsable) {
  const Engine engine = Engine::cuda();
  const LossPlan plan(engine, net(), {Ssm{9, Projection::sphere}, schedule::LogNormal{}, weighting::None{}}, 8);
  const Stream stream;
  Queue queue(engine, plan.workspace_bytes(), stream.get());
  const NoiseState noise(engine, 3);
  const auto params = engine.upload(net().initial_params(1)), x = engine.upload(std::vector<float>(24, 0.5f), {8, 3});
  auto grad = engine.allocate<float>(net().param_count());
  const auto run = [&] { plan.run(queue, {params, x, noise}, {nullptr, grad}); };
  run();
  const std::vector<float> expected = queue.read(grad);
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
    run();
    EXPECT_EQ(queue.read(grad), expected) << "after call " << n;
    if (!failed) break;
    ++failures;
  }
  EXPECT_GT(failures, 50);
}

TEST_F(CudaFault, OnTheDeviceIsReportedByWhatWaits) {
  const Engine engine = Engine::cuda();
  const MlpShape affine = MlpShape::score(3, {});
  const LossPlan plan(engine, affine, {Dsm{}, schedule::Single{1}}, 8);
  const RawMemory workspace(plan.workspace_bytes());
  const NoiseState noise(engine, 1);
  const auto params = engine.upload(affine.initial_params(1)), x = engine.upload(std::vector<float>(24), {8, 3});
  const auto rows = engine.upload(std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 8000000});
  auto loss = engine.allocate<Estimate>();
  {
    Queue queue(engine, workspace.data(), workspace.bytes());
    LossPlan::In in{params, x, noise};
    in.rows = rows;
    plan.run(queue, in, {loss.data()});  // a row that x does not have
    try {
      queue.read_one(loss);
      ADD_FAILURE() << "was not reported";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::device_fault);
    }
  }
  EXPECT_FALSE(simt::session().errors.empty());
  simt::session() = {};
}

}  // namespace
}  // namespace scorematch::testing_support
