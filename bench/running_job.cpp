#include "running_job.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "device_sizes.h"
#include "work.h"

namespace scorematch::bench {
namespace {

constexpr double kReferenceFlops = 2e8;  // in about a second of the reference engine
constexpr std::uint64_t kNoiseSeed = 2, kParamSeed = 3;

std::int64_t pool_bytes(const Job& job) {
  return job.engine.compare(0, 4, "cuda") == 0 ? device_sizes.pool_bytes : kHostPool;
}

struct Result {
  double loss;
  std::vector<float> grad;
};

/// Loss and gradient for given rows of x, with noise that depends only on the seed.
Result evaluate(const Job& job, const Engine& engine, const std::vector<float>& x) {
  const MlpShape net = job.net();
  const auto batch = static_cast<std::int64_t>(x.size()) / job.dim;
  const LossPlan plan(engine, net, job.loss(), batch, job.compute());
  Queue queue(engine, plan.workspace_bytes());
  const NoiseState noise(engine, kNoiseSeed);
  const auto there = engine.upload(x), params = engine.upload(net.initial_params(kParamSeed, Initialization::torch));
  const ConstView rows(there.data(), {batch, job.dim});
  auto grad = engine.allocate<float>(net.param_count());
  auto value = engine.allocate<Estimate>();
  LossPlan::In in{params, {rows, noise}};
  if (job.objective == "esm") in.batch.true_score = rows;
  LossPlan::Out out{value.data()};
  if (job.gradient) out.grad = grad;
  plan.run(queue, in, out);
  return {queue.read_one(value).mean, job.gradient ? queue.read(grad) : std::vector<float>{}};
}

double largest(const std::vector<float>& values) {
  float most = 0;
  for (const float each : values) most = std::max(most, std::abs(each));
  return static_cast<double>(most);
}

}  // namespace

RunningJob::RunningJob(const Job& job, int threads, CUstream_st* stream)
    : Running(job),
      engine_(job.make_engine(threads)),
      net_(job.net()),
      plan_(engine_, net_, job.loss(), job.batch, job.compute()),
      queue_(engine_, plan_.workspace_bytes(), stream),
      noise_(engine_, kNoiseSeed),
      pool_(engine_, pool_bytes(job), job.batch, job.dim),
      params_(engine_.upload(net_.initial_params(kParamSeed, Initialization::torch))),
      grad_(engine_.allocate<float>(net_.param_count())),
      value_(engine_.allocate<Estimate>()),
      bytes_(static_cast<std::int64_t>(plan_.workspace_bytes()) + 4 * (job.batch * job.dim + 2 * net_.param_count())) {}

void RunningJob::run(std::int64_t i) {
  const ConstView x = pool_.at(i);
  LossPlan::In in{params_, {x, noise_}};
  if (job_.objective == "esm") in.batch.true_score = x;  // any numbers cost the same
  LossPlan::Out out{value_.data()};
  if (job_.gradient) out.grad = grad_;
  plan_.run(queue_, in, out);
}

void RunningJob::check_against_reference() {
  Job one = job_;
  one.batch = 1;
  const auto rows = static_cast<std::int64_t>(
      std::clamp(kReferenceFlops / work_of(one).flops, 1.0, std::min(64.0, double(job_.batch))));
  const std::vector<float> x = queue_.read(Pool(engine_, 0, rows, job_.dim).rows());
  const Result got = evaluate(job_, engine_, x), expected = evaluate(job_, Engine::reference(), x);
  // Far above the rounding errors of about ten consecutive products, far below the effect of any mistake.
  const double tolerance = job_.compute().precision == Precision::bf16   ? 0.1
                           : job_.compute().precision == Precision::tf32 ? 0.01
                                                                         : 1e-3;
  double off = std::abs(got.loss - expected.loss) / std::max(1.0, std::abs(expected.loss));
  const double scale = std::max(1e-30, largest(expected.grad));
  for (std::size_t i = 0; i < expected.grad.size(); ++i) {
    const double difference = std::abs(double(got.grad[i]) - double(expected.grad[i])) / scale;
    if (!(difference <= off)) off = difference;  // also catches NaN
  }
  if (!(off <= tolerance))
    throw Error(ErrorCode::invalid_argument, job_.name(),
                job_.name() + ": expected the reference engine's result within " + std::to_string(tolerance) +
                    ", got one that is off by " + std::to_string(off));
}

}  // namespace scorematch::bench
