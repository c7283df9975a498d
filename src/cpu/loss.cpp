// The loss and gradients of a batch. Tiles run in parallel; their sums are added chunk by chunk, in order.
#include "cpu/chunks.h"
#include "cpu/output.h"
#include "cpu/packed_params.h"
#include "cpu/programs.h"
#include "cpu/tile/energy_net_loss.h"
#include "cpu/tile/score_net_loss.h"
#include "engine/cancellation.h"

namespace scorematch::cpu {
namespace {

template <class Tile>
class CpuLoss final : public LossProgram {
 public:
  CpuLoss(const LossSpec& spec, ThreadPool& pool) : problem_(spec), pool_(pool) {}

  /// 4 Q' + C 4 P' + T tile: the packed parameters once (small ones T times), one gradient per chunk (C), and one
  /// tile's arrays per thread (T).
  std::size_t workspace_bytes() const override {
    const Chunks most = chunks_of(problem_.spec.max_batch);
    return PackedParams::bytes(problem_.net, most.workers(pool_)) +
           static_cast<std::size_t>(most.count()) * part_bytes() + most.workers(pool_) * tile_bytes(most);
  }

  void run(Queue::Impl& queue, const LossIn& in, const LossOut& out, std::int64_t batch,
           const Reduction& reduction) const override {
    check_host_values(in.batch, batch, problem_.spec.net.context.columns);
    const Chunks chunks = chunks_of(batch);
    const std::size_t workers = chunks.workers(pool_);
    const MlpShape& net = problem_.spec.net;
    const bool input_gradient = !out.grad_x.empty() || !out.grad_context.empty();
    const bool gradient = !out.grad.empty() || input_gradient;
    // The backward pass includes the first layer only for the input's gradients or for an energy net's score.
    const bool to_input = input_gradient || net.kind == MlpShape::Kind::energy;
    const std::size_t down_from = to_input ? 0 : std::min<std::size_t>(1, problem_.net.layers().size() - 1);
    PackedParams params(problem_.net, static_cast<const float*>(in.params.data), down_from, workers, pool_,
                        queue.workspace);
    const Loss& loss = problem_.spec.loss;
    const SampleSource samples(in.batch, problem_.levels, perturbs(loss, in.batch.eps), net.dim, net.context,
                               loss.context_dropout);
    char* const parts = queue.workspace + PackedParams::bytes(problem_.net, workers);
    char* const tiles = parts + static_cast<std::size_t>(chunks.count()) * part_bytes();
    const std::size_t bytes_a_tile = tile_bytes(chunks);
    Estimate estimates[kMaxChunks];
    pool_.run(chunks.count(), [&](std::int64_t chunk, int worker) {
      check_not_cancelled(in.cancelled);
      auto* grad = reinterpret_cast<float*>(parts + static_cast<std::size_t>(chunk) * part_bytes());
      if (gradient) std::fill_n(grad, problem_.net.count(), 0.0f);
      Arena arena(tiles + static_cast<std::size_t>(worker) * bytes_a_tile);
      Tile tile(problem_, gradient, chunks.tile_rows(), arena);
      const LossCall call{
          in,       out.loss_per_direction, samples, params.of(worker), grad_factor_of(reduction, batch),
          gradient, input_gradient};
      Estimate part;
      chunks.for_each_tile(chunk, [&](std::int64_t first, int rows) {
        tile.run(call, first, rows, grad);
        for (int r = 0; r < rows; ++r) add_to(part, tile.loss()[r]);
        store_values(out.loss_per_sample, first, rows, tile.loss());
        store_rows(out.grad_x, first, rows, tile.grad_x(), padded(net.dim));
        store_rows(out.grad_context, first, rows, tile.grad_context(), padded(net.context.columns));
      });
      estimates[chunk] = part;
    });
    if (!out.grad.empty())
      problem_.net.unpack(reinterpret_cast<const float*>(parts), static_cast<int>(chunks.count()), reduction.accumulate,
                          pool_, static_cast<float*>(out.grad.data));
    store(out.loss, merged(estimates, chunks), reduction.accumulate);
  }

 private:
  Chunks chunks_of(std::int64_t batch) const {
    return Chunks(batch, tile_rows(problem_.net), max_chunks(problem_.net));
  }
  std::size_t part_bytes() const { return sizeof(float) * static_cast<std::size_t>(problem_.net.count()); }
  std::size_t tile_bytes(const Chunks& chunks) const {
    Arena arena;
    const Tile tile(problem_, true, chunks.tile_rows(), arena);
    return arena.used();
  }

  LossProblem problem_;
  ThreadPool& pool_;
};

}  // namespace

std::unique_ptr<LossProgram> make_loss(const LossSpec& spec, ThreadPool& pool) {
  if (spec.net.kind == MlpShape::Kind::energy) return std::make_unique<CpuLoss<EnergyNetLoss>>(spec, pool);
  return std::make_unique<CpuLoss<ScoreNetLoss>>(spec, pool);
}

}  // namespace scorematch::cpu
