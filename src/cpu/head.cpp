// The head alone, for a caller's network: s = a x_tilde + b F, J v = a v + b c (dF/dz) v, tr J = a d + b c tr dF/dz.
// The gradients of the network's outputs have the factors b and b c. Rows are processed one at a time, by the functions
// that the losses use.
#include <algorithm>

#include "cpu/chunks.h"
#include "cpu/output.h"
#include "cpu/programs.h"
#include "cpu/simd/jet.h"
#include "cpu/tile/head_row.h"
#include "cpu/tile/samples.h"

namespace scorematch::cpu {
namespace {

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
    grad_output_ = take_rows(arena, capacity, stride_);
    v_ = take_rows(arena, capacity, stride_);
    scratch_ = take_rows(arena, capacity, stride_);
    if (problem.term.sliced_square)
      slices_ = arena.take<double>(static_cast<std::size_t>(capacity) * static_cast<std::size_t>(stride_));
  }

  const double* loss() const { return loss_; }

  void run(const HeadCall& call, std::int64_t first, int rows) {
    const HeadSpec& spec = problem_.spec;
    call.samples.load(first, rows, samples_);
    std::fill_n(grad_output_, size(), 0.0f);
    if (slices_ != nullptr) std::fill_n(slices_, size(), 0.0);
    for (int r = 0; r < rows; ++r) {
      rows_[r] = head_row(spec.parameterization, spec.loss.weighting, call.in.batch, samples_.first + r,
                          samples_.sigma[r], call.grad_factor);
      loss_[r] = 0;
      if (problem_.term.needs_score()) add_score_term(call, r);
      if (problem_.needs.trace) add_trace(call, r);
      score_loss_[r] = loss_[r];
    }
    for (int m = 0; m < problem_.needs.projections; ++m) add_direction(call, m);
    if (slices_ != nullptr) add_slices();
    store_rows(call.out.grad_output, samples_.first, samples_.rows, grad_output_, stride_);
  }

 private:
  std::int64_t size() const { return std::int64_t{samples_.rows} * stride_; }
  const float* output(const HeadCall& call, int r) const { return row_of(call.in.output, samples_.first + r); }

  void add_score_term(const HeadCall& call, int r) {
    const std::int64_t at = std::int64_t{r} * stride_;
    const float* eps = samples_.eps + at;
    const bool has_x = rows_[r].a != 0;  // otherwise, the caller may omit x
    const ScoreArrays arrays{has_x ? samples_.x + at : nullptr,
                             has_x ? eps : nullptr,
                             output(call, r),
                             nullptr,
                             target_of(problem_.term, eps, call.in.batch.true_score, samples_.first + r),
                             grad_output_ + at,
                             nullptr};
    loss_[r] += score_loss(problem_.term, rows_[r], rows_[r].b, dim_, arrays);
  }

  void add_trace(const HeadCall& call, int r) {
    const HeadRow& k = rows_[r];
    loss_[r] += k.lambda * (k.a * dim_ + k.b * k.c * per_sample(call.in.trace, samples_.first + r));
    if (call.out.grad_trace.empty()) return;
    static_cast<float*>(call.out.grad_trace.data)[samples_.first + r] = static_cast<float>(k.factor * k.b * k.c);
  }

  void add_direction(const HeadCall& call, int m) {
    const Term& term = problem_.term;
    call.samples.load_direction(call.in.batch.directions, problem_.needs.distribution, m, samples_, v_, stride_);
    for (int r = 0; r < samples_.rows; ++r) {
      const HeadRow& k = rows_[r];
      const std::int64_t at = std::int64_t{r} * stride_;
      const float* v = v_ + at;
      double jvp = k.b * k.c * dot(dim_, v, row_of(call.in.jvp, samples_.first + r, m)), slice = 0;
      if (k.a != 0) jvp += k.a * dot(dim_, v, v);
      if (term.sliced_square) {
        slice = k.b * dot(dim_, v, output(call, r));
        if (k.a != 0)
          slice += k.a * (dot(dim_, v, samples_.x + at) + term.point * k.sigma * dot(dim_, v, samples_.eps + at));
        const double factor = k.factor * k.b * term.weight * slice;
        for (int i = 0; i < dim_; ++i) slices_[at + i] += factor * static_cast<double>(v[i]);
      }
      loss_[r] += direction_loss(term, k, jvp, slice);
      if (const View& each_loss = call.out.loss_per_direction; !each_loss.empty())
        static_cast<float*>(each_loss.data)[m * each_loss.stride[0] + samples_.first + r] =
            static_cast<float>(score_loss_[r] + lone_direction_loss(term, k, jvp, slice));
      const double factor = k.factor * term.weight * k.b * k.c;
      for (int i = 0; i < dim_; ++i) scratch_[at + i] = static_cast<float>(factor * static_cast<double>(v[i]));
    }
    store_rows(call.out.grad_jvp, samples_.first, samples_.rows, scratch_, stride_, m);
  }

  void add_slices() {
    for (std::int64_t i = 0; i < size(); ++i) grad_output_[i] += static_cast<float>(slices_[i]);
  }

  const HeadProblem& problem_;
  int dim_, stride_;
  TileSamples samples_;
  HeadRow rows_[kMaxTileRows];
  double loss_[kMaxTileRows], score_loss_[kMaxTileRows];  // all of it; the part of s
  float *grad_output_, *v_, *scratch_;                    // [rows, stride]
  double* slices_ = nullptr;  // [rows, stride]: the part of grad_output from the sliced squares, or null
};

class CpuHead final : public HeadProgram {
 public:
  CpuHead(const HeadSpec& spec, ThreadPool& pool)
      : problem_{spec, terms_of(spec.loss.objective)[0], needs_of(spec.loss.objective)},
        levels_(spec.loss.schedule),
        pool_(pool) {}

  /// T tiles for T threads, whatever the batch.
  std::size_t workspace_bytes() const override { return static_cast<std::size_t>(pool_.size()) * worker_bytes(); }

  void run(Queue::Impl& queue, const HeadIn& in, const HeadOut& out, std::int64_t batch,
           const Reduction& reduction) const override {
    check_host_values(in.batch, batch);
    const SampleSource samples(in.batch, levels_, perturbs(problem_.spec.loss, in.batch.eps), problem_.spec.dim,
                               Context());
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
  NoiseLevels levels_;
  ThreadPool& pool_;
};

}  // namespace

std::unique_ptr<HeadProgram> make_head(const HeadSpec& spec, ThreadPool& pool) {
  return std::make_unique<CpuHead>(spec, pool);
}

}  // namespace scorematch::cpu
