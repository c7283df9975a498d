// Loss and gradients of a batch: tiles in parallel, their sums added chunk by chunk in order.
#include "cpu/chunks.h"
#include "cpu/output.h"
#include "cpu/programs.h"
#include "cpu/tile_energy_loss.h"
#include "cpu/tile_loss.h"

namespace scorematch::cpu {
namespace {

template <class Tile>
class CpuLoss final : public LossProgram {
 public:
  CpuLoss(const LossSpec& spec, ThreadPool& pool) : problem_(spec), pool_(pool) {}

  /// 4 P' + T (4 P' + tile): the padded parameters once, and for each of T threads a gradient and one tile's arrays.
  std::size_t workspace_bytes() const override {
    return problem_.net.bytes() + static_cast<std::size_t>(pool_.size()) * worker_bytes();
  }

  void run(Queue::Impl& queue, const LossPlan::In& in, const LossPlan::Out& out, std::int64_t batch,
           const Reduction& reduction) const override {
    check_host_values(in, in.x, batch);
    auto* params = reinterpret_cast<float*>(queue.workspace);
    problem_.net.pack(static_cast<const float*>(in.params.data), params);
    const Loss& loss = problem_.spec.loss;
    const SampleSource samples(in, loss.schedule, perturbs(loss, in.eps), problem_.spec.net.dim);
    const LossCall call{in,
                        samples,
                        params,
                        grad_factor_of(reduction, batch),
                        !out.grad.empty() || !out.grad_x.empty(),
                        !out.grad_x.empty()};
    const Chunks chunks(batch);
    Turnstile turnstile;
    Estimate estimate;
    pool_.run(chunks.count(), [&](std::int64_t chunk, int worker) {
      Turn turn(turnstile, chunk);
      Arena arena(queue.workspace + problem_.net.bytes() + static_cast<std::size_t>(worker) * worker_bytes());
      float* grad = arena.take<float>(static_cast<std::size_t>(problem_.net.count()));
      if (call.gradient) std::fill_n(grad, problem_.net.count(), 0.0f);
      Tile tile(problem_, call.gradient, arena);
      Estimate part;
      chunks.for_each_tile(chunk, [&](std::int64_t first, int rows) {
        tile.run(call, first, rows, grad);
        for (int r = 0; r < rows; ++r) add_to(part, tile.loss()[r]);
        store_values(out.loss_per_sample, first, rows, tile.loss());
        store_rows(out.grad_x, first, rows, tile.grad_x(), padded(problem_.spec.net.dim));
      });
      turn.wait();
      estimate = estimate.merged(part);
      if (!out.grad.empty())
        problem_.net.unpack(grad, static_cast<float*>(out.grad.data), reduction.accumulate || chunk > 0);
    });
    store(out.loss, estimate, reduction.accumulate);
  }

 private:
  std::size_t worker_bytes() const {
    Arena arena;
    arena.take<float>(static_cast<std::size_t>(problem_.net.count()));
    const Tile tile(problem_, true, arena);
    return arena.used();
  }

  LossProblem problem_;
  ThreadPool& pool_;
};

}  // namespace

std::unique_ptr<LossProgram> make_loss(const LossSpec& spec, ThreadPool& pool) {
  if (spec.net.kind == MlpShape::Kind::energy) return std::make_unique<CpuLoss<TileEnergyLoss>>(spec, pool);
  return std::make_unique<CpuLoss<TileLoss>>(spec, pool);
}

}  // namespace scorematch::cpu
