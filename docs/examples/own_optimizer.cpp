// The library's loss and gradient with the caller's own optimizer: gradient descent with momentum, on the host. An Ema
// averages its parameters. With an affine network the result is known: s(x) = -S^-1 (x - m), where m is the mean and S
// the covariance of the data (Hyvarinen 2005, section 3.1).
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "scorematch/ema.h"
#include "scorematch/loss.h"

namespace sm = scorematch;

namespace {

constexpr int kDim = 2, kRows = 1000;

/// A sheared rectangle of points about (0.5, 0.3). [kRows, kDim]
std::vector<float> make_data() {
  std::vector<float> data;
  for (int i = 0; i < kRows; ++i) {
    const float a = static_cast<float>(i % 25) / 12.0f - 1.0f, b = static_cast<float>(i / 25) / 19.5f - 1.0f;
    data.insert(data.end(), {0.5f + a, 0.3f + 0.6f * a + b});
  }
  return data;
}

/// {W, b} of the score of the Gaussian with the data's mean and covariance, in the layout of the network's parameters.
std::vector<double> exact_params(const std::vector<float>& data) {
  double m[2] = {}, s00 = 0, s01 = 0, s11 = 0;
  for (std::size_t i = 0; i < data.size(); ++i) m[i % 2] += static_cast<double>(data[i]) / kRows;
  for (std::size_t i = 0; i < data.size(); i += 2) {
    const double a = static_cast<double>(data[i]) - m[0], b = static_cast<double>(data[i + 1]) - m[1];
    s00 += a * a / kRows, s01 += a * b / kRows, s11 += b * b / kRows;
  }
  const double det = s00 * s11 - s01 * s01, w00 = -s11 / det, w01 = s01 / det, w11 = -s00 / det;
  return {w00, w01, w01, w11, -(w00 * m[0] + w01 * m[1]), -(w01 * m[0] + w11 * m[1])};
}

}  // namespace

int main() {
  const sm::Engine engine = sm::Engine::best();
  const sm::MlpShape net = sm::MlpShape::score(kDim, /*hidden=*/{});
  sm::LossPlan plan(engine, net, {sm::Ism{}}, kRows);
  sm::Queue queue(engine, plan.workspace_bytes());

  const std::vector<float> data = make_data();
  auto x = engine.upload(data, {kRows, kDim});
  std::vector<float> theta = net.initial_params(/*seed=*/1), momentum(theta.size());
  auto params = engine.upload(theta);
  auto grad = engine.allocate<float>(net.param_count());
  sm::Ema average(engine, net.param_count(), /*decay=*/0.95);
  average.start(queue, params);

  for (int step = 0; step < 500; ++step) {
    plan.run(queue, {params, {x}}, {nullptr, grad});
    const std::vector<float> g = queue.read(grad);
    for (std::size_t i = 0; i < theta.size(); ++i) {
      momentum[i] = 0.9f * momentum[i] + g[i];
      theta[i] -= 0.1f * momentum[i];
    }
    queue.write(params, theta.data());
    average.update(queue, params);
  }

  const std::vector<double> exact = exact_params(data);
  const std::vector<float> averaged = queue.read_f32(average.average());
  double worst = 0;
  for (std::size_t i = 0; i < theta.size(); ++i)
    worst = std::max({worst, std::abs(static_cast<double>(theta[i]) - exact[i]),
                      std::abs(static_cast<double>(averaged[i]) - exact[i])});
  std::printf("W %.4f %.4f, %.4f %.4f; b %.4f %.4f; at most %.0e from the exact score's\n",
              static_cast<double>(theta[0]), static_cast<double>(theta[1]), static_cast<double>(theta[2]),
              static_cast<double>(theta[3]), static_cast<double>(theta[4]), static_cast<double>(theta[5]), worst);
  return worst < 1e-4 ? 0 : 1;
}
