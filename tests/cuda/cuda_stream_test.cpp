// The guarantees for streams: calls neither wait nor allocate, so a whole training step can be recorded and replayed;
// threads share plans; and the same call is bit-identical.
#include <cstring>
#include <thread>

#include "cuda/cuda_fixture.h"
#include "model/names.h"
#include "scorematch/scorematch.h"

namespace scorematch::testing_support {
namespace {

using Bits = std::vector<float>;

bool same_bits(const Bits& a, const Bits& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

constexpr std::int64_t kBatch = 70, kRows = 200;

std::vector<float> data(std::int64_t count) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(i * 37 % 101) / 50 - 1);
  return values;
}

MlpShape net(MlpShape::Kind kind = MlpShape::Kind::score) {
  MlpShape net = MlpShape::score(3, {16, 16});
  net.kind = kind;
  net.parameterization = parameterization::Edm{};
  net.conditioning = conditioning::Fourier::random(2, 0.3, 1);
  return net;
}

constexpr MlpShape::Kind kKinds[] = {MlpShape::Kind::score, MlpShape::Kind::energy};

std::vector<Loss> losses() {
  std::vector<Loss> all;
  for (const Objective& objective : {Objective(Dsm{}), Objective(Dsm{Dsm::Variance::control_variate}), Objective(Ism{}),
                                     Objective(Ssm{9, Projection::sphere}), Objective(SsmVr{2})})
    all.push_back({objective, schedule::LogNormal{}, weighting::Edm{}});
  return all;
}

/// A training step and all its data.
struct Trainer {
  Trainer(const Engine& engine, const MlpShape& net, const Loss& objective, const Stream& stream)
      : loss_plan(engine, net, objective, kBatch),
        queue(engine, loss_plan.workspace_bytes(), stream.get()),
        noise(engine, 11),
        params(engine.upload(net.initial_params(1, Initialization::torch))),
        x(engine.upload(data(kRows * 3), {kRows, 3})),
        grad(engine.allocate<float>(net.param_count())),
        loss(engine.allocate<Estimate>()),
        adam(engine, net.param_count(), [] {
          Adam::Options options;
          options.learning_rate = 0.01;
          options.ema_decay = 0.9;
          options.max_grad_norm = 1;
          return options;
        }()) {}

  void step() {
    LossPlan::In in{params, {x, noise}};
    in.batch.draw_rows = kBatch;
    loss_plan.run(queue, in, {loss.data(), grad});
    adam.step(queue, params, grad);
    noise.advance(queue);
  }
  Bits state() {
    Bits all = queue.read(params);
    all.push_back(static_cast<float>(queue.read_one(loss).mean));
    return all;
  }

  LossPlan loss_plan;
  Queue queue;
  NoiseState noise;
  Buffer<float> params, x, grad;
  Buffer<Estimate> loss;
  Adam adam;
};

class CudaStream : public CudaTest {};

TEST_F(CudaStream, ReplaysEqualEagerSteps) {
  const Engine engine = Engine::cuda();
  for (const MlpShape::Kind kind : kKinds)
    for (const Loss& objective : losses()) {
      const Stream stream;
      Trainer eager(engine, net(kind), objective, stream), replayed(engine, net(kind), objective, stream);
      const Graph graph(stream, [&] { replayed.step(); });
      std::vector<Bits> states;
      for (int i = 0; i < 3; ++i) {
        eager.step();
        graph.launch(stream);
        states.push_back(eager.state());
        EXPECT_TRUE(same_bits(states.back(), replayed.state())) << "step " << i;
        EXPECT_EQ(replayed.noise.read(replayed.queue).step, i + 1);
      }
      EXPECT_FALSE(same_bits(states[0], states[1]));
      EXPECT_FALSE(same_bits(states[1], states[2]));
    }
}

/// Plans load their kernels and matrix products, so a first recording works before anything has run.
TEST_F(CudaStream, RecordsBeforeAnythingRan) {
  const Engine engine = Engine::cuda();
  for (const MlpShape::Kind kind : kKinds)
    for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
      const Compute layered{precision, Route::layered};
      const Stream stream;
      const MlpShape shape = net(kind);
      const LossPlan loss_plan(engine, shape, losses()[3], kBatch, layered);
      const ScorePlan score_plan(engine, shape, kBatch, 2, Projection::gaussian, layered);
      Queue queue(engine, std::max(loss_plan.workspace_bytes(), score_plan.workspace_bytes()), stream.get());
      const NoiseState noise(engine, 5);
      const auto params = engine.upload(shape.initial_params(1, Initialization::torch)),
                 x = engine.upload(data(kBatch * 3), {kBatch, 3}), sigma = engine.upload(std::vector<float>{0.5f});
      auto grad = engine.allocate<float>(shape.param_count()), again = engine.allocate<float>(shape.param_count());
      auto jvp = engine.allocate<float>({2, kBatch, 3});
      ScorePlan::Out out;
      out.jvp = jvp;
      const Graph graph(stream, [&] {
        loss_plan.run(queue, {params, {x, noise}}, {nullptr, grad});
        score_plan.run(queue, {params, {x, noise, sigma}}, out);
      });
      graph.launch(stream);
      const Bits replayed = queue.read(jvp);
      loss_plan.run(queue, {params, {x, noise}}, {nullptr, again});
      score_plan.run(queue, {params, {x, noise, sigma}}, out);
      EXPECT_TRUE(same_bits(queue.read(grad), queue.read(again)));
      EXPECT_TRUE(same_bits(replayed, queue.read(jvp)));
    }
}

TEST_F(CudaStream, RecordsASampler) {
  const Engine engine = Engine::cuda();
  const Stream stream;
  const NoiseState noise(engine, 3);
  for (const MlpShape::Kind kind : kKinds)
    for (const Sampler& sampler :
         {Sampler(ProbabilityFlow{0.002, 80, 4, 7}), Sampler(AnnealedLangevin{0.1, 2, 3, 2})}) {
      const SamplerPlan plan(engine, net(kind), sampler, 40);
      Queue queue(engine, plan.workspace_bytes(), stream.get());
      auto params = engine.upload(net(kind).initial_params(2, Initialization::torch));
      auto x = engine.allocate<float>({40, 3}), again = engine.allocate<float>({40, 3});
      plan.run(queue, params, noise, x);
      const Graph graph(stream, [&] { plan.run(queue, params, noise, again); });
      graph.launch(stream);
      EXPECT_TRUE(same_bits(queue.read(x), queue.read(again)));
    }
}

TEST_F(CudaStream, RecordsALikelihood) {
  const Engine engine = Engine::cuda();
  const Stream stream;
  const NoiseState noise(engine, 3);
  Likelihood options;
  options.steps = 2, options.projections = 2;
  for (const MlpShape::Kind kind : kKinds) {
    const LikelihoodPlan plan(engine, net(kind), options, 40);
    Queue queue(engine, plan.workspace_bytes(), stream.get());
    auto params = engine.upload(net(kind).initial_params(2, Initialization::torch)),
         x = engine.upload(std::vector<float>(120, 0.5f), {40, 3}), values = engine.allocate<float>(40),
         again = engine.allocate<float>(40);
    auto mean = engine.allocate<Estimate>(), mean_again = engine.allocate<Estimate>();
    plan.run(queue, {params, {x, noise}}, {values, {}, mean.data()});
    const Graph graph(stream, [&] { plan.run(queue, {params, {x, noise}}, {again, {}, mean_again.data()}); });
    graph.launch(stream);
    EXPECT_TRUE(same_bits(queue.read(values), queue.read(again)));
    EXPECT_EQ(queue.read_one(mean).mean, queue.read_one(mean_again).mean);
  }
}

TEST_F(CudaStream, RefusesToWaitWhileItIsRecorded) {
  const Engine engine = Engine::cuda();
  const Stream stream;
  Queue queue(engine, 0, stream.get());
  auto x = engine.allocate<float>(4);
  const float host[4] = {};
  const auto expect_refused = [](const auto& call) {
    try {
      call();
      ADD_FAILURE() << "the call was not refused";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      EXPECT_EQ(error.argument(), "queue.stream");
    }
  };
  // Refused before a call to CUDA, so the recording continues.
  const Graph graph(stream, [&] {
    expect_refused([&] { queue.read(x); });
    expect_refused([&] { queue.write(x, host); });
    expect_refused([&] { queue.synchronize(); });
  });
  graph.launch(stream);
  queue.synchronize();
}

TEST_F(CudaStream, ThreadsShareAPlan) {
  const Engine engine = Engine::cuda();
  const Loss loss = losses()[3];
  const LossPlan plan(engine, net(), loss, kBatch);
  const auto params = engine.upload(net().initial_params(1, Initialization::torch)),
             x = engine.upload(data(kBatch * 3), {kBatch, 3});
  const NoiseState noise(engine, 5);
  constexpr int kThreads = 4;
  const int turns = amount(3, 50);
  std::vector<Bits> results(kThreads);
  std::vector<std::string> errors(kThreads);
  const auto work = [&](std::size_t t) {
    try {
      const Stream stream;
      Queue queue(engine, plan.workspace_bytes(), stream.get());
      auto grad = engine.allocate<float>(net().param_count());
      for (int i = 0; i < turns; ++i) {
        plan.run(queue, {params, {x, noise}}, {nullptr, grad});
        Bits now = queue.read(grad);
        if (i > 0 && !same_bits(now, results[t])) errors[t] = "turns differ";
        results[t] = std::move(now);
      }
    } catch (const std::exception& error) {
      errors[t] = error.what();
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) threads.emplace_back(work, t);
  for (auto& each : threads) each.join();
  for (std::size_t t = 0; t < kThreads; ++t) {
    EXPECT_EQ(errors[t], "");
    EXPECT_TRUE(same_bits(results[0], results[t]));
  }
}

TEST_F(CudaStream, SameBitsRunAfterRun) {
  const Engine engine = Engine::cuda();
  for (const Loss& objective : losses()) {
    const Stream stream;
    Bits first;
    for (int i = 0; i < amount(3, 100); ++i) {
      draw_schedule(static_cast<std::uint64_t>(i));
      Trainer trainer(engine, net(), objective, stream);
      trainer.step();
      const Bits now = trainer.state();
      if (i == 0) first = now;
      ASSERT_TRUE(same_bits(first, now)) << "run " << i;
    }
  }
}

/// Four streams at once, whatever the workspace contains.
TEST_F(CudaStream, SameBitsOnFourStreams) {
  constexpr int kStreams = 4;
  const int runs = amount(5, 100);
  const std::int64_t samples = amount(9, 200);
  const Engine engine = Engine::cuda();
  std::vector<Loss> all = losses();
  all.push_back({Esm{}, schedule::LogNormal{}, weighting::Edm{}});
  all.push_back({Dsm{Dsm::Variance::antithetic}, schedule::LogNormal{}, weighting::Edm{}});
  const auto x = engine.upload(data(samples * 3), {samples, 3}),
             true_score = engine.upload(data(samples * 3), {samples, 3});
  const NoiseState noise(engine, 5);
  struct Lane {
    Lane(const Engine& engine, const MlpShape& net, std::int64_t batch, std::size_t bytes)
        : workspace(bytes),
          queue(engine, workspace.data(), bytes, stream.get()),
          loss(engine.allocate<Estimate>()),
          grad(engine.allocate<float>(net.param_count())),
          grad_x(engine.allocate<float>({batch, 3})),
          per_sample(engine.allocate<float>(batch)) {}
    Stream stream;
    RawMemory workspace;
    Queue queue;
    Buffer<Estimate> loss;
    Buffer<float> grad, grad_x, per_sample;
  };
  const std::pair<MlpShape::Kind, Precision> cases[] = {{MlpShape::Kind::score, Precision::fp32},
                                                        {MlpShape::Kind::score, Precision::tf32},
                                                        {MlpShape::Kind::score, Precision::bf16},
                                                        {MlpShape::Kind::energy, Precision::fp32},
                                                        {MlpShape::Kind::energy, Precision::bf16}};
  for (const auto& [kind, precision] : cases)
    for (const Loss& loss : all) {
      const MlpShape shape = net(kind);
      const auto params = engine.upload(shape.initial_params(1, Initialization::torch));
      const LossPlan plan(engine, shape, loss, samples, {precision});
      std::vector<std::unique_ptr<Lane>> lanes;
      for (int i = 0; i < kStreams; ++i)
        lanes.push_back(std::make_unique<Lane>(engine, shape, samples, plan.workspace_bytes()));
      LossPlan::In in{params, {x, noise}};
      if (std::holds_alternative<Esm>(loss.objective)) in.batch.true_score = true_score;
      Bits first;
      std::uint64_t schedule = 0;  // new per run and stream: 20 on the stand-in, which runs a stream when it is read
      for (int i = 0; i < runs; ++i) {
        for (const auto& lane : lanes) {
          ASSERT_EQ(cudaMemsetAsync(lane->workspace.data(), 0xFF, lane->workspace.bytes(), lane->stream.get()),
                    cudaSuccess);
          plan.run(lane->queue, in, {lane->loss.data(), lane->grad, lane->grad_x, lane->per_sample});
        }
        for (const auto& lane : lanes) {
          draw_schedule(++schedule);
          Bits now = lane->queue.read(lane->grad);
          for (const Buffer<float>* more : {&lane->grad_x, &lane->per_sample}) {
            const Bits values = lane->queue.read(*more);
            now.insert(now.end(), values.begin(), values.end());
          }
          now.push_back(static_cast<float>(lane->queue.read_one(lane->loss).mean));
          if (first.empty()) first = now;
          ASSERT_TRUE(same_bits(first, now)) << "run " << i << " objective " << name_of(loss.objective);
        }
      }
    }
}

/// Plans of a narrow and a wide network launch one kernel from two threads, with more and with less shared memory.
TEST_F(CudaStream, ThreadsShareAKernelWithPlansOfDifferentSizes) {
  const int steps = amount(2, 200);
  const Engine engine = Engine::cuda();
  const Loss objective{Dsm{}, schedule::LogNormal{}, weighting::Edm{}};
  const MlpShape narrow = MlpShape::score(3, {16, 16}), wide = MlpShape::score(3, {96, 96, 96});
  const auto trained = [&](const MlpShape& shape) {
    const Stream stream;
    Trainer trainer(engine, shape, objective, stream);
    for (int i = 0; i < steps; ++i) trainer.step();
    return trainer.state();
  };
  const Bits of_narrow = trained(narrow), of_wide = trained(wide);
  Bits again_narrow, again_wide;
  std::thread first([&] { again_narrow = trained(narrow); }), second([&] { again_wide = trained(wide); });
  first.join(), second.join();
  EXPECT_TRUE(same_bits(of_narrow, again_narrow));
  EXPECT_TRUE(same_bits(of_wide, again_wide));
}

#if defined(SCOREMATCH_STAND_IN)
TEST_F(CudaStream, CallsNeitherWaitNorAllocate) {
  const Engine engine = Engine::cuda();
  for (const MlpShape::Kind kind : kKinds)
    for (const Loss& objective : losses()) {
      const Stream stream;
      const MlpShape shape = net(kind);
      Trainer trainer(engine, shape, objective, stream);
      const ScorePlan score_plan(engine, shape, kBatch, 3);
      const SamplerPlan sampler(engine, shape, ProbabilityFlow{0.002, 80, 3, 7}, kBatch);
      Likelihood options;
      options.steps = 1;
      const LikelihoodPlan likelihood(engine, shape, options, kBatch);
      Queue queue(engine,
                  std::max({score_plan.workspace_bytes(), sampler.workspace_bytes(), likelihood.workspace_bytes()}),
                  stream.get());
      const auto sigma = engine.upload(std::vector<float>{0.5f});
      auto score = engine.allocate<float>({kBatch, 3}), divergence = engine.allocate<float>(kBatch),
           jvp = engine.allocate<float>({3, kBatch, 3}), log_density = engine.allocate<float>(kBatch);
      const int waits = simt::runtime::waits();
      const std::size_t bytes = simt::runtime::bytes_in_use();
      trainer.step();
      ScorePlan::Out out;
      out.score = score, out.divergence = divergence;
      out.jvp = jvp;
      if (kind == MlpShape::Kind::energy) out.log_density = log_density;
      score_plan.run(queue, {trainer.params, {trainer.x.samples(0, kBatch), trainer.noise, sigma}}, out);
      sampler.run(queue, trainer.params, trainer.noise, score);
      likelihood.run(queue, {trainer.params, {trainer.x.samples(0, kBatch)}}, {divergence, score});
      EXPECT_EQ(simt::runtime::waits(), waits);
      EXPECT_EQ(simt::runtime::bytes_in_use(), bytes);
    }
}
#endif

}  // namespace
}  // namespace scorematch::testing_support
