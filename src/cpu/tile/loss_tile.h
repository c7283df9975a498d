// The parts of a tile that the losses of score nets and energy nets have in common: rows, directions, and the part of a
// term that depends on s alone.
#pragma once
#include <algorithm>

#include "cpu/tile/head_row.h"
#include "cpu/tile/jet.h"
#include "cpu/tile/samples.h"

namespace scorematch::cpu {

/// The constants of a plan.
struct LossProblem {
  explicit LossProblem(const LossSpec& spec_)
      : spec(spec_),
        levels(spec_.loss.schedule),
        net(spec_.net, spec_.compute.precision),
        terms(terms_of(spec_.loss.objective)) {}
  LossSpec spec;
  NoiseLevels levels;
  PaddedNet net;
  std::vector<Term> terms;

  bool has_directions() const { return terms[0].directions != Term::Directions::none; }
  int directions() const {
    if (!has_directions()) return 0;
    return terms[0].directions == Term::Directions::basis ? spec.net.dim : needs_of(spec.loss.objective).projections;
  }
};

/// The arguments of a call.
struct LossCall {
  const LossIn& in;
  const View& direction_losses;  // [M, N], or empty
  const SampleSource& samples;
  const float* params;  // padded
  double grad_factor;   // loss_scale / sample count of the whole batch
  bool gradient;        // of the parameters or of the input
  bool input_gradient;  // of x or of the context
};

/// A tile of either kind of network: its inputs, and the backward pass of the value.
class LossTile {
 public:
  const double* loss() const { return loss_; }                 // [rows], weighting included
  const float* grad_x() const { return grad_x_; }              // [rows, padded(dim)]
  const float* grad_context() const { return grad_context_; }  // [rows, padded(context)], with input_gradient

 protected:
  LossTile(const LossProblem& problem, const JetParts& parts, int capacity, Arena& arena);

  /// Loads samples [first, first + rows) of the batch and clears the sums.
  void start(const LossCall& call, std::int64_t first, int rows);
  /// Runs the term's point of evaluation through the network.
  void start_term(const LossCall& call, const Term& term);
  /// Loads direction m into the jet's tangent_input(), zero past dim.
  void load_direction(const LossCall& call, int m);
  /// The part of a term that depends on s alone: adds to the loss of row r and, for the path past the network, to
  /// grad_x; writes grad_output.
  void add_score_loss(const LossCall& call, const Term& term, int r, double output_factor, const float* f,
                      const float* bias, float* grad_output);
  bool wants_direction_losses(const LossCall& call) const { return !call.direction_losses.empty(); }
  float& direction_loss_of(const LossCall& call, int m, int r) const {
    return static_cast<float*>(call.direction_losses.data)[m * call.direction_losses.stride[0] + samples_.first + r];
  }
  /// Runs the value's backward pass from the jet's grad_h(), down to the input if its gradients are wanted.
  void backward(const LossCall& call, float* grad);
  /// Adds to grad_context of the samples that have a context. @param grad_input [rows, stride]
  void add_grad_context(const float* grad_input);

  int stride() const { return problem_.net.layers()[0].in; }  // of the network's input and of directions
  int rows() const { return samples_.rows; }
  std::int64_t x_size() const { return std::int64_t{rows()} * x_stride_; }
  std::int64_t hidden_size() const { return std::int64_t{rows()} * output_.in; }

  const LossProblem& problem_;
  int dim_, x_stride_;
  PaddedNet::Layer output_;
  TileSamples samples_;
  TileJet jet_;
  HeadRow rows_[kMaxTileRows];
  double* loss_;
  float *x_tilde_, *grad_x_;  // [rows, x_stride]
  float* grad_context_;       // [rows, padded(context)]
};

}  // namespace scorematch::cpu
