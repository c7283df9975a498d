// A fused kernel run on a problem of the random sweep: device arrays and parameters, by a tiling of the caller's.
#pragma once
#include "cuda/agreement.h"
#include "fused_launchers.h"
#include "simt/kernels/random_case.h"
#include "terms.h"

namespace scorematch {
namespace kernels {

/// False for a network that no fused kernel does.
inline bool fused_net_of(const MlpShape& shape, FusedNet& net) {
  std::vector<LayerPlace> places;
  for (const MlpShape::Layer& each : shape.layers())
    places.push_back({each.in, each.out, each.in, each.out, each.weight, each.bias, 0, 0});
  return make_fused_net(places.data(), static_cast<int>(places.size()), shape.residual,
                        static_cast<Activation>(shape.activation), &net);
}

class FusedCase {
 public:
  explicit FusedCase(const testing_support::Problem& p)
      : problem_(p),
        needs_(needs_of(p.loss.objective)),
        terms_(terms_of(p.loss.objective)),
        params_(p.params),
        x_(p.x),
        sigma_(p.sigma),
        eps_(p.eps),
        v_(p.directions),
        true_score_(p.true_score),
        grad_(p.params.size()),
        grad_x_(p.x.size()),
        loss_(static_cast<std::size_t>(p.batch)),
        estimate_(1) {
    possible_ = fused_net_of(p.net, net);
    if (const auto* fourier = std::get_if<conditioning::Fourier>(&p.net.conditioning))
      frequencies_ = fourier->frequencies;
  }

  bool possible() const { return possible_; }
  int directions() const { return needs_.trace ? problem_.net.dim : needs_.projections; }
  /// What the kernels that were launched by run() count, of the main one alone.
  const simt::Report& counted() const { return counted_; }

  FusedWish wish(Operands operands, int multiprocessors) const {
    return {operands, directions(), terms_[0].sliced_square, true, problem_.batch, multiprocessors, 227 * 1024};
  }

  testing_support::EngineRun run(const FusedTiling& tiling, int blocks) {
    const std::int64_t stride = net.weight_count + net.bias_count;
    std::vector<LayerPlace> places;
    LayerTable table;
    for (int l = 0; l <= net.hidden; ++l) {
      places.push_back(net.layers[l].place);
      table.largest = std::max(table.largest, std::int64_t{places.back().in_padded + 1} * places.back().out_padded);
    }
    const DeviceArray<LayerPlace> layers(places);
    table.layers = layers.data(), table.count = net.hidden + 1;
    const Element element = tiling.operands == Operands::bf16 ? Element::bf16 : Element::f32;
    const ElementArray packed(element, static_cast<std::size_t>(net.weight_count));
    const DeviceArray<float> biases(static_cast<std::size_t>(net.bias_count)),
        partial(static_cast<std::size_t>(stride * blocks));
    const DeviceArray<EstimateRecord> estimates(static_cast<std::size_t>(blocks));
    const DeviceArray<unsigned char> kept(fused_kept_bytes(net, tiling) * static_cast<std::size_t>(blocks));
    const DeviceArray<double> frequencies(frequencies_);
    EXPECT_EQ(launch_pack(params_.data(), table, packed.data(), biases.data(), element, nullptr), 0);

    FusedLossParams p;
    p.net = net, p.tiling = tiling;
    p.params = params_.data(), p.weights = packed.data();
    p.prologue.data = {{x_.data(), problem_.net.dim}, problem_.batch, nullptr, false};
    p.prologue.sigma.given = sigma_.size() > 0 ? sigma_.data() : nullptr, p.prologue.sigma.given_stride = 1;
    p.prologue.eps = {problem_.perturbed, {problem_.perturbed ? eps_.data() : nullptr, problem_.net.dim}};
    p.prologue.parameterization = parameterization();
    p.prologue.features = features(frequencies.data());
    p.prologue.dim = problem_.net.dim;
    p.head.objective = static_cast<Objective>(std::vector<int>{0, 2, 1, 3, 4}[problem_.loss.objective.index()]);
    p.head.dim = problem_.net.dim;
    p.head.data = p.prologue.data, p.head.eps = p.prologue.eps;
    p.head.true_score = {true_score_.data(), problem_.net.dim};
    if (needs_.trace)
      p.head.directions.law = DirectionSource::Law::basis;
    else
      p.head.directions = {DirectionSource::Law::gaussian, v_.data(), problem_.batch * problem_.net.dim,
                           problem_.net.dim};
    p.head.share = terms_[0].share;
    p.head.parameterization = p.prologue.parameterization;
    p.head.weighting = weighting();
    p.head.grad_factor = 1.0 / static_cast<double>(problem_.batch);
    p.head.grad_x_stride = problem_.net.dim;
    p.term_count = static_cast<int>(terms_.size());
    for (std::size_t i = 0; i < terms_.size(); ++i)
      p.terms[i] = {terms_[i].point, terms_[i].quadratic, terms_[i].linear, terms_[i].complete_square};
    p.directions = directions();
    p.batch = problem_.batch, p.blocks = blocks;
    p.gradient = true, p.grad_x = grad_x_.data();
    p.partial = partial.data(), p.partial_stride = stride, p.bias_offset = net.weight_count;
    p.estimates = estimates.data(), p.loss_per_sample = loss_.data(), p.kept = kept.data();
    const std::vector<std::string> errors = simt::session().errors;
    simt::session() = {};
    EXPECT_EQ(launch_fused_loss(p, nullptr), 0);
    counted_ = simt::session();
    EXPECT_EQ(launch_fused_reduce({partial.data(), stride, net.weight_count, estimates.data(), blocks, table, false,
                                   grad_.data(), estimate_.data()},
                                  nullptr),
              0);
    simt::session().errors.insert(simt::session().errors.end(), errors.begin(), errors.end());
    const EstimateRecord e = estimate_.read()[0];
    Estimate loss;
    loss.count = e.count, loss.mean = e.mean, loss.m2 = e.m2;
    return {{loss_.read(), grad_.read(), grad_x_.read()}, loss};
  }

  FusedNet net;

 private:
  kernels::Parameterization parameterization() const {
    kernels::Parameterization p;
    p.kind = static_cast<kernels::Parameterization::Kind>(problem_.net.parameterization.index());
    if (const auto* edm = std::get_if<parameterization::Edm>(&problem_.net.parameterization))
      p.sigma_data = edm->sigma_data;
    return p;
  }
  kernels::Weighting weighting() const {
    kernels::Weighting w;
    w.kind = static_cast<kernels::Weighting::Kind>(problem_.loss.weighting.index());
    if (const auto* edm = std::get_if<weighting::Edm>(&problem_.loss.weighting)) w.sigma_data = edm->sigma_data;
    return w;
  }
  Features features(const double* frequencies) const {
    return {static_cast<Features::Kind>(problem_.net.conditioning.index()), feature_count(problem_.net.conditioning),
            frequencies};
  }

  const testing_support::Problem& problem_;
  Needs needs_;
  std::vector<Term> terms_;
  std::vector<double> frequencies_;
  DeviceArray<float> params_, x_, sigma_, eps_, v_, true_score_, grad_, grad_x_, loss_;
  DeviceArray<EstimateRecord> estimate_;
  simt::Report counted_;
  bool possible_ = false;
};

}  // namespace kernels
}  // namespace scorematch
