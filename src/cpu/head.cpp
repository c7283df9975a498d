// The head alone, on a caller's network: s = a x_tilde + b F, J v = a v + b c (dF/dz) v, tr J = a d + b c tr dF/dz; the
// adjoints come back through b and b c. Rows are independent and short, so this is plain code over tiles of samples.
#include <algorithm>

#include "cpu/chunks.h"
#include "cpu/output.h"
#include "cpu/programs.h"
#include "cpu/tile/samples.h"
#include "model/objective_terms.h"

namespace scorematch::cpu {
namespace {

double as_double(float value) { return static_cast<double>(value); }

const float* row_of(const ConstView& view, std::int64_t n, std::int64_t m = 0) {
  const int rank = view.shape.rank;
  return static_cast<const float*>(view.data) + (rank > 2 ? m * view.stride[0] : 0) + n * view.stride[rank - 2];
}

struct HeadProblem {
  HeadSpec spec;
  Term term;
  Needs needs;
};

struct HeadCall {
  const HeadIn& in;
  const HeadOut& out;
  const SampleSource& samples;
  double grad_factor;
};

class TileHead {
 public:
  TileHead(const HeadProblem& problem, int capacity, Arena& arena)
      : problem_(problem), dim_(problem.spec.dim), stride_(padded(dim_)), samples_(dim_, capacity, arena) {
    const auto size = static_cast<std::size_t>(capacity) * static_cast<std::size_t>(stride_);
    score_ = arena.take<double>(size);
    score_bar_ = arena.take<double>(size);
    v_ = arena.take<float>(size);
    scratch_ = arena.take<float>(size);
  }

  const double* loss() const { return loss_; }

  void run(const HeadCall& call, std::int64_t first, int rows) {
    const HeadSpec& spec = problem_.spec;
    call.samples.load(first, rows, samples_);
    for (int r = 0; r < rows; ++r) {
      k_[r] = coefficients(spec.parameterization, samples_.sigma[r]);
      lambda_[r] = weight(spec.loss.weighting, samples_.sigma[r]);
      loss_[r] = 0;
      form_score(call, r);
      if (problem_.term.needs_score()) add_score_term(call, r);
      if (problem_.needs.trace) add_trace(call, r);
    }
    for (int m = 0; m < problem_.needs.projections; ++m) add_direction(call, m);
    store_score_adjoint(call);
  }

 private:
  void form_score(const HeadCall& call, int r) {
    const float* output = row_of(call.in.output, samples_.first + r);
    const float *x = samples_.x + r * stride_, *eps = samples_.eps + r * stride_;
    double* s = score_ + r * stride_;
    for (int i = 0; i < dim_; ++i) {
      const double x_tilde = as_double(x[i]) + samples_.sigma[r] * as_double(eps[i]);
      s[i] = (k_[r].a == 0 ? 0 : k_[r].a * x_tilde) + k_[r].b * as_double(output[i]);
    }
    std::fill_n(score_bar_ + r * stride_, stride_, 0.0);
  }

  void add_score_term(const HeadCall& call, int r) {
    const Term& term = problem_.term;
    const float* target = nullptr;
    double scale = term.linear;
    if (term.target == Term::Target::true_score) target = row_of(call.in.batch.true_score, samples_.first + r);
    if (term.target == Term::Target::noise) target = samples_.eps + r * stride_, scale /= samples_.sigma[r];
    const double* s = score_ + r * stride_;
    double* bar = score_bar_ + r * stride_;
    for (int i = 0; i < dim_; ++i) {
      bar[i] = term.quadratic * s[i] + (target == nullptr ? 0 : scale * as_double(target[i]));
      // Whole squares alone have a target here: the terms that leave |g|^2 / 2 out need two evaluations.
      loss_[r] += lambda_[r] * 0.5 * bar[i] * (target == nullptr ? s[i] : bar[i]);
    }
  }

  void add_trace(const HeadCall& call, int r) {
    const double trace = k_[r].a * dim_ + k_[r].b * k_[r].c * per_sample(call.in.trace, samples_.first + r);
    loss_[r] += lambda_[r] * trace;
    if (call.out.grad_trace.empty()) return;
    static_cast<float*>(call.out.grad_trace.data)[samples_.first + r] =
        static_cast<float>(call.grad_factor * lambda_[r] * k_[r].b * k_[r].c);
  }

  void add_direction(const HeadCall& call, int m) {
    const Term& term = problem_.term;
    call.samples.load_direction(call.in.batch.directions, problem_.needs.law, m, samples_, v_, stride_);
    for (int r = 0; r < samples_.rows; ++r) {
      const float *v = v_ + r * stride_, *jvp = row_of(call.in.jvp, samples_.first + r, m);
      const double *s = score_ + r * stride_, bc = k_[r].b * k_[r].c;
      double along = 0, slice = 0;
      for (int i = 0; i < dim_; ++i) {
        along += as_double(v[i]) * (k_[r].a * as_double(v[i]) + bc * as_double(jvp[i]));
        slice += as_double(v[i]) * s[i];
      }
      loss_[r] += lambda_[r] * term.share * (along + (term.sliced_square ? 0.5 * slice * slice : 0));
      for (int i = 0; term.sliced_square && i < dim_; ++i)
        score_bar_[r * stride_ + i] += term.share * slice * as_double(v[i]);
      const double factor = call.grad_factor * lambda_[r] * term.share * bc;
      for (int i = 0; i < dim_; ++i) scratch_[r * stride_ + i] = static_cast<float>(factor * as_double(v[i]));
    }
    store_rows(call.out.grad_jvp, samples_.first, samples_.rows, scratch_, stride_, m);
  }

  void store_score_adjoint(const HeadCall& call) {
    for (int r = 0; r < samples_.rows; ++r)
      for (int i = 0; i < dim_; ++i)
        scratch_[r * stride_ + i] =
            static_cast<float>(call.grad_factor * lambda_[r] * k_[r].b * score_bar_[r * stride_ + i]);
    store_rows(call.out.grad_output, samples_.first, samples_.rows, scratch_, stride_);
  }

  const HeadProblem& problem_;
  int dim_, stride_;
  TileSamples samples_;
  Coefficients k_[kMaxTileRows];
  double lambda_[kMaxTileRows], loss_[kMaxTileRows];
  double *score_, *score_bar_;
  float *v_, *scratch_;
};

class CpuHead final : public HeadProgram {
 public:
  CpuHead(const HeadSpec& spec, ThreadPool& pool)
      : problem_{spec, terms_of(spec.loss.objective)[0], needs_of(spec.loss.objective)}, pool_(pool) {}

  /// T tiles: nothing grows with the batch.
  std::size_t workspace_bytes() const override { return static_cast<std::size_t>(pool_.size()) * worker_bytes(); }

  void run(Queue::Impl& queue, const HeadIn& in, const HeadOut& out, std::int64_t batch,
           const Reduction& reduction) const override {
    check_host_values(in.batch, batch);
    const SampleSource samples(in.batch, problem_.spec.loss.schedule, perturbs(problem_.spec.loss, in.batch.eps),
                               problem_.spec.dim);
    const HeadCall call{in, out, samples, grad_factor_of(reduction, batch)};
    const Chunks chunks(batch);
    Estimate estimates[kMaxChunks];
    pool_.run(chunks.count(), [&](std::int64_t chunk, int worker) {
      Arena arena(queue.workspace + static_cast<std::size_t>(worker) * worker_bytes());
      TileHead tile(problem_, chunks.tile_rows(), arena);
      Estimate part;
      chunks.for_each_tile(chunk, [&](std::int64_t first, int rows) {
        tile.run(call, first, rows);
        for (int r = 0; r < rows; ++r) add_to(part, tile.loss()[r]);
        store_values(out.loss_per_sample, first, rows, tile.loss());
      });
      estimates[chunk] = part;
    });
    store(out.loss, merged(estimates, chunks), reduction.accumulate);
  }

 private:
  std::size_t worker_bytes() const {
    Arena arena;
    const TileHead tile(problem_, kTileRows, arena);
    return arena.used();
  }

  HeadProblem problem_;
  ThreadPool& pool_;
};

}  // namespace

std::unique_ptr<HeadProgram> make_head(const HeadSpec& spec, ThreadPool& pool) {
  return std::make_unique<CpuHead>(spec, pool);
}

}  // namespace scorematch::cpu
