// What the losses of score nets and of energy nets have in common on a tile: what is a row's, directions, and the part
// of a term that is a function of s alone.
#pragma once
#include <algorithm>

#include "cpu/tile/jet.h"
#include "cpu/tile/samples.h"
#include "model/objective_terms.h"

namespace scorematch::cpu {

/// What a plan knows.
struct LossProblem {
  explicit LossProblem(const LossSpec& spec_)
      : spec(spec_), net(spec_.net, spec_.compute.precision), terms(terms_of(spec_.loss.objective)) {}
  LossSpec spec;
  PaddedNet net;
  std::vector<Term> terms;

  bool has_directions() const { return terms[0].directions != Term::Directions::none; }
  int directions() const {
    if (!has_directions()) return 0;
    return terms[0].directions == Term::Directions::basis ? spec.net.dim : needs_of(spec.loss.objective).projections;
  }
};

/// What a call adds.
struct LossCall {
  const LossIn& in;
  const SampleSource& samples;
  const float* params;  // padded
  double grad_factor;   // loss_scale over the whole batch's sample count
  bool gradient;        // of the parameters or of x
  bool input_gradient;
};

struct TileRow {
  double a, b, c;
  double lambda;
  double factor;  // lambda grad_factor
};

/// A tile on its way through a term, whatever the network: what comes in, and the value's way back.
class LossTile {
 public:
  const double* loss() const { return loss_; }     // [rows], weighting included
  const float* grad_x() const { return grad_x_; }  // [rows, padded(dim)]

 protected:
  LossTile(const LossProblem& problem, const JetParts& parts, int capacity, Arena& arena);

  /// Samples [first, first + rows) of the batch; nothing is summed yet.
  void start(const LossCall& call, std::int64_t first, int rows);
  /// The point of evaluation through the network.
  void start_term(const LossCall& call, const Term& term);
  /// Direction m in the jet's tangent_input(), zero past dim.
  void load_direction(const LossCall& call, int m);
  /// A term's part that is a function of s alone: row r's loss, and where its adjoint goes, the input's side being
  /// grad_x.
  void add_score_loss(const LossCall& call, const Term& term, int r, double output_factor, const float* f,
                      const float* bias, float* output_bar);
  /// The value's way back from the jet's adjoint(), down to x where that is wanted.
  void go_back(const LossCall& call, float* grad);

  int stride() const { return problem_.net.layers()[0].in; }  // of the network's input and of directions
  int rows() const { return samples_.rows; }
  std::int64_t x_size() const { return std::int64_t{rows()} * x_stride_; }
  std::int64_t hidden_size() const { return std::int64_t{rows()} * output_.in; }

  const LossProblem& problem_;
  int dim_, x_stride_;
  PaddedNet::Layer output_;
  TileSamples samples_;
  TileJet jet_;
  TileRow rows_[kMaxTileRows];
  double* loss_;
  float *x_tilde_, *grad_x_;  // [rows, x_stride]
};

}  // namespace scorematch::cpu
