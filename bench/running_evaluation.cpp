// Scores of a batch, and samplers.
#include <algorithm>
#include <cmath>
#include <vector>

#include "running_job.h"

namespace scorematch::bench {
namespace {

constexpr std::uint64_t kNoiseSeed = 2, kParamSeed = 3;
constexpr std::int64_t kCheckedRows = 8;

/// Compares the first rows with those of the reference engine. Far above the rounding errors of a sampler's consecutive
/// evaluations, far below the effect of any mistake.
void check_rows(const Job& job, const std::vector<float>& got, const std::vector<float>& expected) {
  constexpr double kTolerance = 1e-3;
  double most = 1e-30, off = 0;
  for (const float each : expected) most = std::max(most, std::abs(double(each)));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(double(got[i]) - double(expected[i])) / most;
    if (!(difference <= off)) off = difference;  // also catches NaN
  }
  if (!(off <= kTolerance))
    throw Error(ErrorCode::invalid_argument, job.name(),
                job.name() + ": expected the reference engine's result within " + std::to_string(kTolerance) +
                    ", got one that is off by " + std::to_string(off));
}

class RunningScores final : public Running {
 public:
  RunningScores(const Job& job, const Engine& engine)
      : Running(job),
        plan_(engine, job.net(), job.batch, 0, Projection::rademacher, job.compute()),
        queue_(engine, plan_.workspace_bytes()),
        pool_(engine, kHostPool, job.batch, job.dim),
        params_(engine.upload(job.net().initial_params(kParamSeed, Initialization::torch))),
        scores_(engine.allocate<float>({job.batch, job.dim})) {}

  void run(std::int64_t i) override { plan_.run(queue_, {params_, {pool_.at(i)}}, {scores_}); }
  std::int64_t bytes() const override {
    return static_cast<std::int64_t>(plan_.workspace_bytes()) + 4 * (2 * scores_.size() + params_.size());
  }

  void check_against_reference() override {
    run(0);
    const std::vector<float> got = queue_.read(scores_), rows = queue_.read(pool_.rows());
    const std::int64_t count = std::min(kCheckedRows, job_.batch);
    const Engine reference = Engine::reference();
    const ScorePlan plan(reference, job_.net(), count);
    Queue queue(reference, plan.workspace_bytes());
    const auto x = reference.upload(rows.data(), {count, job_.dim}), params = reference.upload(queue_.read(params_));
    auto scores = reference.allocate<float>({count, job_.dim});
    plan.run(queue, {params, {x}}, {scores});
    check_rows(job_, got, queue.read(scores));
  }

 private:
  ScorePlan plan_;
  Queue queue_;
  Pool pool_;
  Buffer<float> params_, scores_;
};

class RunningSampler final : public Running {
 public:
  RunningSampler(const Job& job, const Engine& engine)
      : Running(job),
        plan_(engine, job.net(), job.sampler(), job.batch),
        queue_(engine, plan_.workspace_bytes()),
        noise_(engine, kNoiseSeed),
        params_(engine.upload(job.net().initial_params(kParamSeed, Initialization::torch))),
        x_(engine.allocate<float>({job.batch, job.dim})) {}

  void run(std::int64_t) override { plan_.run(queue_, params_, noise_, x_); }
  std::int64_t bytes() const override {
    return static_cast<std::int64_t>(plan_.workspace_bytes()) + 4 * (x_.size() + params_.size());
  }

  void check_against_reference() override {
    run(0);
    const std::int64_t count = std::min(kCheckedRows, job_.batch);
    const Engine reference = Engine::reference();
    const SamplerPlan plan(reference, job_.net(), job_.sampler(), count);
    Queue queue(reference, plan.workspace_bytes());
    const NoiseState noise(reference, kNoiseSeed);
    const auto params = reference.upload(queue_.read(params_));
    auto x = reference.allocate<float>({count, job_.dim});
    plan.run(queue, params, noise, x);
    check_rows(job_, queue_.read(x_), queue.read(x));
  }

 private:
  SamplerPlan plan_;
  Queue queue_;
  NoiseState noise_;
  Buffer<float> params_, x_;
};

}  // namespace

std::unique_ptr<Running> make_running(const Job& job, int threads) {
  if (!job.evaluates()) return std::make_unique<RunningJob>(job, threads);
  const Engine engine = job.make_engine(threads);
  if (job.samples()) return std::make_unique<RunningSampler>(job, engine);
  return std::make_unique<RunningScores>(job, engine);
}

}  // namespace scorematch::bench
