// Runs a fused kernel on a problem of the random sweep: device arrays and parameters, with a tiling of the caller's
// choice.
#pragma once
#include "cuda/kernel_term.h"
#include "fused/fused_launchers.h"
#include "kernels/random_case.h"
#include "support/expected_scores.h"

namespace scorematch {
namespace kernels {

/// Returns false for a network that no fused kernel supports.
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
        weight_(p.weight),
        context_(p.context),
        present_(p.present) {
    possible_ = fused_net_of(p.net, net);
    frequencies_ = p.net.conditioning.frequencies;
  }

  bool possible() const { return possible_; }
  bool has_context() const { return problem_.net.context.columns > 0; }
  int directions() const { return needs_.trace ? problem_.net.dim : needs_.projections; }
  /// Draws eps from `noise` instead of using the given one.
  void draw_from(Noise noise) { noise_ = noise; }
  /// Gives all samples the sigma of the first.
  void share_sigma() { sigma_stride_ = 0; }
  /// Computes no gradients in run(); those of its result are then undefined.
  void want_loss_alone() { wants_gradients_ = false; }
  /// The operation counts of the main kernel of the last run.
  const simt::Report& counted() const { return counted_; }

  FusedWish wish(Operands operands, int multiprocessors) const {
    FusedWish wish;
    wish.operands = operands;
    wish.directions = directions();
    wish.sliced = terms_[0].sliced_square;
    wish.denoising = needs_.eps;
    wish.has_context = has_context();
    wish.max_batch = problem_.batch;
    wish.multiprocessors = multiprocessors;
    wish.shared_bytes = 227 * 1024;
    return wish;
  }

  /// @param launch the loss kernel: launch_fused_loss, or another one with the same parameters and results
  testing_support::EngineRun run(const FusedTiling& tiling, int blocks,
                                 int (*launch)(const FusedLossParams&, CUstream_st*) = launch_fused_loss) {
    const Prepared on_device(*this, tiling, blocks);
    const std::int64_t stride = net.weight_count + net.bias_count;
    const auto loss_count = static_cast<std::size_t>(problem_.batch);
    const DeviceArray<float> partial(static_cast<std::size_t>(stride * blocks)), grad(problem_.params.size()),
        grad_x(problem_.x.size()), grad_context(problem_.context.size()), loss(loss_count);
    const DeviceArray<EstimateRecord> estimates(static_cast<std::size_t>(blocks)), estimate(1);
    FusedLossParams p;
    p.net = net, p.tiling = tiling;
    p.params = params_.data(), p.weights = on_device.packed.data();
    p.batch = batch_params();
    p.batch.true_score = {true_score_.data(), problem_.net.dim};
    if (!problem_.weight.empty()) p.batch.weight = {weight_.data(), 1};
    p.batch.directions = given_directions();
    if (needs_.trace) p.batch.directions = {Projection::gaussian, true, nullptr, 0, 0};
    p.features = features(on_device.frequencies.data());
    p.weighting = problem_.loss.weighting;
    p.grad_factor = 1.0 / static_cast<double>(problem_.batch);
    p.term_count = static_cast<int>(terms_.size());
    for (std::size_t i = 0; i < terms_.size(); ++i)
      p.terms[i] = cuda::kernel_term(terms_[i], problem_.net.parameterization);
    p.directions = directions();
    p.samples = problem_.batch, p.blocks = blocks;
    p.gradient = wants_gradients_, p.grad_x = wants_gradients_ ? grad_x.data() : nullptr;
    p.grad_x_stride = problem_.net.dim;
    if (wants_gradients_ && has_context()) p.grad_context = grad_context.data();
    p.grad_context_stride = problem_.net.context.columns;
    p.partial = partial.data(), p.partial_stride = stride, p.bias_offset = net.weight_count;
    p.estimates = estimates.data(), p.loss_per_sample = loss.data(), p.saved = on_device.saved.data();
    const auto each_count = static_cast<std::size_t>(needs_.projections);
    const DeviceArray<float> each_loss(each_count * (loss_count + 1));
    if (each_count > 0) p.loss_per_direction = each_loss.data(), p.loss_per_direction_plane = problem_.batch + 1;
    count([&] { EXPECT_EQ(launch(p, nullptr), 0); });
    EXPECT_EQ(launch_fused_reduce({partial.data(), stride, net.weight_count, estimates.data(), blocks, on_device.table,
                                   false, wants_gradients_ ? grad.data() : nullptr, estimate.data()},
                                  nullptr),
              0);
    const EstimateRecord e = estimate.read()[0];
    Estimate mean;
    mean.count = e.count, mean.mean = e.mean, mean.m2 = e.m2;
    testing_support::EngineRun result{{loss.read(), grad.read(), grad_x.read(), {}}, mean};
    if (has_context()) result.outcome.grad_context = grad_context.read();
    if (each_count == 0) return result;
    const std::vector<float> each = each_loss.read();
    for (std::size_t n = 0; n < loss_count; ++n)
      for (std::size_t m = 0; m < each_count; ++m)
        result.outcome.per_direction.push_back(each[m * (loss_count + 1) + n]);
    return result;
  }

  using Scores = testing_support::WantedScores<float>;
  /// The scores and Jacobian-vector products along `count_` directions, given or drawn, and the divergence as their
  /// mean. Without directions, scores alone. @param launch  launch_fused_score, or another kernel with the same
  /// parameters
  Scores run_score(const FusedTiling& tiling, int blocks, const DirectionSource& source, int count_, Noise noise,
                   int (*launch)(const FusedScoreParams&, CUstream_st*) = launch_fused_score) {
    const Prepared on_device(*this, tiling, blocks);
    const auto size = problem_.x.size(), samples = static_cast<std::size_t>(problem_.batch);
    const DeviceArray<float> score(size), jvp(size * static_cast<std::size_t>(count_)), divergence(samples);
    FusedScoreParams p;
    p.net = net, p.tiling = tiling;
    p.params = params_.data(), p.weights = on_device.packed.data();
    p.batch = batch_params();
    p.batch.eps.perturbed = false;
    p.batch.noise = noise;
    p.batch.directions = source;
    p.features = features(on_device.frequencies.data());
    p.weight = 1.0f / static_cast<float>(std::max(count_, 1));
    p.score = score.data(), p.score_stride = problem_.net.dim;
    if (count_ > 0) p.jvp = jvp.data(), p.divergence = divergence.data();
    p.jvp_stride = problem_.net.dim, p.jvp_plane = problem_.batch * problem_.net.dim;
    p.directions = count_;
    p.samples = problem_.batch, p.blocks = blocks, p.saved = on_device.saved.data();
    count([&] { EXPECT_EQ(launch(p, nullptr), 0); });
    return {score.read(), jvp.read(), divergence.read()};
  }

  DirectionSource given_directions() const {
    return {Projection::gaussian, false, v_.data(), problem_.batch * problem_.net.dim, problem_.net.dim};
  }

  FusedNet net;

 private:
  /// Packed parameters, tables and the memory of the blocks, as in a plan.
  struct Prepared {
    Prepared(const FusedCase& c, const FusedTiling& tiling, int blocks)
        : layers(places_of(c.net)),
          element(tiling.operands == Operands::bf16 ? Element::bf16 : Element::f32),
          packed(element, static_cast<std::size_t>(c.net.weight_count)),
          biases(static_cast<std::size_t>(c.net.bias_count)),
          frequencies(c.frequencies_),
          saved(fused_saved_bytes(c.net, tiling) * static_cast<std::size_t>(blocks)) {
      for (int l = 0; l <= c.net.hidden; ++l) {
        const LayerPlace& place = c.net.layers[l].place;
        table.largest = std::max(table.largest, std::int64_t{place.in_padded + 1} * place.out_padded);
      }
      table.layers = layers.data(), table.count = c.net.hidden + 1;
      EXPECT_EQ(launch_pack(c.params_.data(), table, packed.data(), biases.data(), element, nullptr), 0);
    }
    static std::vector<LayerPlace> places_of(const FusedNet& net) {
      std::vector<LayerPlace> places;
      for (int l = 0; l <= net.hidden; ++l) places.push_back(net.layers[l].place);
      return places;
    }

    LayerTable table;
    DeviceArray<LayerPlace> layers;
    Element element;
    ElementArray packed;
    DeviceArray<float> biases;
    DeviceArray<double> frequencies;
    DeviceArray<unsigned char> saved;
  };

  BatchParams batch_params() const {
    BatchParams p;
    p.data = {{x_.data(), problem_.net.dim}, problem_.batch, nullptr, false};
    p.sigma.given = sigma_.size() > 0 ? sigma_.data() : nullptr, p.sigma.given_stride = sigma_stride_;
    p.eps = {problem_.perturbed, {problem_.perturbed ? eps_.data() : nullptr, problem_.net.dim}};
    p.noise = noise_;
    if (noise_.position != nullptr) p.eps.given = {};
    p.parameterization = problem_.net.parameterization;
    p.dim = problem_.net.dim;
    const Context& context = problem_.net.context;
    p.context.columns = context.columns, p.context.total = context.columns + (context.optional ? 1 : 0);
    if (has_context()) p.context.values = {context_.data(), context.columns};
    if (!problem_.present.empty()) p.context.present = present_.data();
    return p;
  }

  /// Counts the operations of a launch, separately from the rest of the session.
  template <class Launch>
  void count(const Launch& launch) {
    const std::vector<std::string> errors = simt::session().errors;
    simt::session() = {};
    launch();
    counted_ = simt::session();
    simt::session().errors.insert(simt::session().errors.end(), errors.begin(), errors.end());
  }

  Features features(const double* frequencies) const {
    return {problem_.net.conditioning.kind, feature_count(problem_.net.conditioning), frequencies};
  }

  const testing_support::Problem& problem_;
  Needs needs_;
  std::vector<scorematch::Term> terms_;
  std::vector<double> frequencies_;
  DeviceArray<float> params_, x_, sigma_, eps_, v_, true_score_, weight_, context_, present_;
  Noise noise_;
  std::int64_t sigma_stride_ = 1;
  simt::Report counted_;
  bool possible_ = false, wants_gradients_ = true;
};

}  // namespace kernels
}  // namespace scorematch
