// Random problems for sweeps: a network, a loss and a batch with all inputs.
#pragma once
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "model/names.h"
#include "model/network.h"
#include "scorematch/mlp.h"
#include "scorematch/objective.h"

namespace scorematch::testing_support {

struct Problem {
  MlpShape net;
  Loss loss;
  std::int64_t batch = 1;
  bool perturbed = false;
  std::vector<float> params, x, sigma, eps, directions, true_score, weight;
  std::vector<float> context;  // [N, columns]
  std::vector<float> present;  // [N] if the context is optional: 0 for samples without one

  bool has_context(std::int64_t n) const { return present.empty() || present[static_cast<std::size_t>(n)] != 0; }

  int projections() const { return needs_of(loss.objective).projections; }
  bool sigma_used() const {
    return perturbed || uses_sigma(net.parameterization, net.conditioning) ||
           loss.weighting.kind != Weighting::Kind::none;
  }
  std::string describe() const {
    std::string text = net.kind == MlpShape::Kind::energy ? "energy, " : "";
    text += std::string("objective ") + name_of(loss.objective);
    if (const auto* dsm = std::get_if<Dsm>(&loss.objective)) text += std::string(" variance ") + name_of(dsm->variance);
    text += " dim " + std::to_string(net.dim) + " hidden";
    for (const int each : net.hidden) text += " " + std::to_string(each);
    return text + " activation " + name_of(net.activation) + " parameterization " + name_of(net.parameterization.kind) +
           " conditioning " + name_of(net.conditioning.kind) + " weighting " + name_of(loss.weighting.kind) +
           (net.residual ? " residual" : "") + " batch " + std::to_string(batch) + " projections " +
           std::to_string(projections()) + (perturbed ? " perturbed" : "") +
           (net.context.columns > 0 ? " context " + std::to_string(net.context.columns) : "");
  }
};

class ProblemMaker {
 public:
  explicit ProblemMaker(std::uint64_t seed) : generator_(seed) {}

  int integer(int low, int high) {
    return low + static_cast<int>(generator_() % static_cast<std::uint64_t>(high - low + 1));
  }
  double uniform(double low, double high) {
    return low + (high - low) * static_cast<double>(generator_() >> 11) * 0x1p-53;
  }
  std::vector<float> normals(std::int64_t count, double scale = 1) {
    std::vector<float> values;
    std::normal_distribution<double> normal(0, scale);
    for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(normal(generator_)));
    return values;
  }

  /// @param most_work the largest number of multiply-adds of one forward pass over the batch with its tangents
  Problem make(double most_work) { return make(most_work, MlpShape::Kind::score); }
  Problem make(double most_work, MlpShape::Kind kind) {
    for (;;) {
      Problem p = make_once();
      take_other_process(p);
      p.net.kind = kind;
      double weights = 0;
      for (const auto& layer : p.net.layers()) weights += static_cast<double>(layer.in) * layer.out;
      const int tangents = needs_of(p.loss.objective).trace ? p.net.dim : p.projections();
      if (weights * static_cast<double>(p.batch) * (1 + tangents) <= most_work) {
        fill(p);
        add_weight(p);
        return p;
      }
    }
  }

  /// Gives the network a context, which some samples lack if it is optional, and all inputs anew.
  void add_context(Problem& p) {
    p.net.context = {integer(1, 9), integer(0, 1) == 0};
    p.params = p.x = p.sigma = p.eps = p.directions = p.true_score = p.weight = {};
    fill(p);
    p.context = normals(p.batch * p.net.context.columns);
    for (std::int64_t n = 0; n < p.batch && p.net.context.optional; ++n)
      p.present.push_back(static_cast<float>(integer(0, 2)) / 2);
    add_weight(p);
  }

  /// Sets the parameters, the samples, and everything else that the problem needs; no weight.
  void fill(Problem& p) {
    const std::int64_t size = p.batch * p.net.dim;
    p.params = p.net.initial_params(generator_(), Initialization::torch);
    const double gain = uniform(0.7, 2);
    for (float& each : p.params) each = static_cast<float>(gain * static_cast<double>(each));
    p.x = normals(size);
    if (p.sigma_used())
      for (std::int64_t n = 0; n < p.batch; ++n)
        p.sigma.push_back(static_cast<float>(std::exp(uniform(std::log(0.05), std::log(5)))));
    if (p.perturbed) p.eps = normals(size);
    if (p.projections() > 0) p.directions = normals(p.projections() * size);
    if (needs_of(p.loss.objective).true_score) p.true_score = normals(size);
  }

  /// Weights in a quarter of the problems. A copy draws them, so that the rest of a problem does not depend on them.
  void add_weight(Problem& p) const {
    ProblemMaker other = *this;
    if (other.integer(0, 3) == 0) p.weight = other.normals(p.batch);
  }

 private:
  /// Gives a third of the problems that use sigma a parameterization of a process, and its weighting or another. A copy
  /// draws them, so that the rest of a problem does not depend on them.
  void take_other_process(Problem& p) const {
    using P = Parameterization::Kind;
    using W = Weighting::Kind;
    if (p.net.parameterization.kind == P::plain) return;
    ProblemMaker other = *this;
    if (other.integer(0, 2) != 0) return;
    p.net.parameterization = static_cast<P>(other.integer(static_cast<int>(P::epsilon), static_cast<int>(P::velocity)));
    p.loss.weighting =
        static_cast<W>(other.integer(static_cast<int>(W::v_prediction), static_cast<int>(W::truncated_snr)));
  }

  Problem make_once() {
    Problem p;
    // Widths around the 16 of a vector, batches around the 64 of a tile, and everything between.
    const int edges[] = {1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 127, 128, 130, 200};
    const auto width = [&](int most) {
      for (;;)
        if (const int w = integer(0, 1) == 0 ? edges[integer(0, 18)] : integer(1, most); w <= most) return w;
    };
    p.net.dim = width(integer(0, 3) == 0 ? 40 : 10);
    const int same = integer(0, 1) == 0 ? width(100) : 0;
    for (int depth = integer(0, 4); depth > 0; --depth) p.net.hidden.push_back(same > 0 ? same : width(130));
    p.net.activation = static_cast<Activation>(integer(0, 3));
    p.net.residual = integer(0, 2) == 0;
    const double sigma_data = integer(0, 1) == 0 ? 0.5 : uniform(0.2, 2);
    switch (integer(0, 3)) {
      case 1:
        p.net.parameterization = parameterization::Ncsn{};
        break;
      case 2:
        p.net.parameterization = parameterization::NoisePrediction{};
        break;
      case 3:
        p.net.parameterization = parameterization::Edm{sigma_data};
        break;
      default:
        break;
    }
    switch (integer(0, 2)) {
      case 1:
        p.net.conditioning = conditioning::LogSigma{};
        break;
      case 2:
        p.net.conditioning = conditioning::Fourier::random(integer(1, 9), 0.3, generator_());
        break;
      default:
        break;
    }
    switch (integer(0, 2)) {
      case 1:
        p.loss.weighting = weighting::Sigma2{};
        break;
      case 2:
        p.loss.weighting = weighting::Edm{sigma_data};
        break;
      default:
        break;
    }
    const auto distribution = static_cast<Projection>(integer(0, 2));
    switch (integer(0, 6)) {
      case 0:
        p.loss.objective = Esm{};
        break;
      case 1:
        p.loss.objective = Ism{};
        break;
      case 2:
        p.loss.objective = Ssm{integer(1, 4), distribution};
        break;
      case 3:
        p.loss.objective = SsmVr{integer(1, 4), distribution};
        break;
      default:
        p.loss.objective = Dsm{static_cast<Dsm::Variance>(integer(0, 2))};
        break;
    }
    p.perturbed = needs_of(p.loss.objective).eps || integer(0, 1) == 0;
    p.batch = width(integer(0, 3) == 0 ? 200 : 20);
    return p;
  }

  std::mt19937_64 generator_;
};

}  // namespace scorematch::testing_support
