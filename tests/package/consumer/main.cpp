// A loss with its gradient on the best engine, compared with the reference.
#include <cmath>
#include <cstdio>
#include <vector>

#include "scorematch/scorematch.h"

namespace sm = scorematch;

namespace {

struct Result {
  sm::Estimate loss;
  std::vector<float> grad;
};

Result evaluate(const sm::Engine& engine, const sm::MlpShape& net, const std::vector<float>& x, int batch) {
  const sm::LossPlan plan(engine, net, {sm::Dsm{}, sm::schedule::Single{0.5}, sm::weighting::Sigma2{}}, batch);
  sm::Queue queue(engine, plan.workspace_bytes());
  const auto data = engine.upload(x, {batch, net.dim});
  const auto params = engine.upload(net.initial_params(/*seed=*/1, sm::Initialization::torch));
  auto grad = engine.allocate<float>(net.param_count());
  auto loss = engine.allocate<sm::Estimate>();
  sm::NoiseState noise(engine, /*seed=*/2);
  plan.run(queue, {params, {data, noise}}, {loss.data(), grad});
  return {queue.read_one(loss), queue.read(grad)};
}

double norm(const std::vector<float>& a) {
  double sum = 0;
  for (const double value : a) sum += value * value;
  return std::sqrt(sum);
}

}  // namespace

int main() {
  const int batch = 96;
  const sm::MlpShape net = sm::MlpShape::score(/*dim=*/5, {24, 17});
  std::vector<float> x;
  for (int i = 0; i < batch * net.dim; ++i) x.push_back(static_cast<float>(std::sin(i)));

  const sm::Engine best = sm::Engine::best();
  const Result ours = evaluate(best, net, x, batch);
  const Result reference = evaluate(sm::Engine::reference(), net, x, batch);
  std::vector<float> difference(ours.grad);
  for (std::size_t i = 0; i < difference.size(); ++i) difference[i] -= reference.grad[i];

  std::printf("engine: %s\n", best.description().c_str());
  std::printf("best:      loss %.7f +- %.7f, gradient norm %.7f\n", ours.loss.mean, ours.loss.standard_error(),
              norm(ours.grad));
  std::printf("reference: loss %.7f +- %.7f, gradient norm %.7f\n", reference.loss.mean,
              reference.loss.standard_error(), norm(reference.grad));

  // Float32 in three layers against double: a few hundred roundings of 6e-8.
  const double tolerance = 1e-5;
  if (!std::isfinite(ours.loss.mean) || !std::isfinite(norm(ours.grad)) || norm(ours.grad) == 0 ||
      std::abs(ours.loss.mean - reference.loss.mean) > tolerance * reference.loss.mean ||
      norm(difference) > tolerance * norm(reference.grad)) {
    std::puts("the results differ");
    return 1;
  }

  // An exception keeps its type across the boundary of the library.
  try {
    sm::Engine::cpu();
    std::puts("cpu: built in");
  } catch (const sm::Error& error) {
    std::printf("cpu: %s: %s\n", error.code() == sm::ErrorCode::unsupported ? "unsupported" : "another error",
                error.what());
  }
  try {
    sm::LossPlan(best, sm::MlpShape::score(0, {8}), {sm::Ism{}}, batch);
    std::puts("a network without inputs was accepted");
    return 1;
  } catch (const sm::Error& error) {
    std::printf("refused: %s\n", error.what());
  }
  return 0;
}
