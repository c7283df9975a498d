// The score, products with its Jacobian, and its divergence, tile by tile.
#include <algorithm>

#include "cpu/chunks.h"
#include "cpu/packed_params.h"
#include "cpu/programs.h"
#include "cpu/tile/energy_net_score.h"
#include "cpu/tile/score_net_score.h"

namespace scorematch::cpu {
namespace {

template <class Tile>
class CpuScore final : public ScoreProgram {
 public:
  CpuScore(const ScoreSpec& spec, ThreadPool& pool) : problem_(spec), pool_(pool) {}

  /// 4 Q' + T tile: the packed parameters once (small ones T times), and one tile's arrays per thread (T).
  std::size_t workspace_bytes() const override {
    const Chunks most(problem_.spec.max_batch, tile_rows(problem_.net));
    return PackedParams::bytes(problem_.net, most.workers(pool_)) + most.workers(pool_) * tile_bytes(most);
  }

  void run(Queue::Impl& queue, const ScoreIn& in, const ScoreOut& out, std::int64_t batch) const override {
    check_host_values(in.batch, batch, problem_.spec.net.context.columns);
    const Chunks chunks(batch, tile_rows(problem_.net));
    const std::size_t workers = chunks.workers(pool_);
    // An energy net's score is a backward pass through all layers.
    const std::size_t down_from = problem_.spec.net.kind == MlpShape::Kind::energy ? 0 : problem_.net.layers().size();
    PackedParams params(problem_.net, static_cast<const float*>(in.params.data), down_from, workers, pool_,
                        queue.workspace);
    const MlpShape& net = problem_.spec.net;
    const NoiseLevels given{schedule::None{}};
    const SampleSource source(in.batch, given, false, net.dim, net.context);
    const bool tangents = !out.jvp.empty() || !out.divergence.empty() || !out.divergence_estimate.empty();
    char* const tiles = queue.workspace + PackedParams::bytes(problem_.net, workers);
    const std::size_t bytes_a_tile = tile_bytes(chunks);
    pool_.run(chunks.count(), [&](std::int64_t chunk, int worker) {
      Arena arena(tiles + static_cast<std::size_t>(worker) * bytes_a_tile);
      Tile tile(problem_, tangents, chunks.tile_rows(), arena);
      const float* packed = params.of(worker);
      chunks.for_each_tile(chunk,
                           [&](std::int64_t first, int rows) { tile.run(source, packed, in, out, first, rows); });
    });
  }

 private:
  std::size_t tile_bytes(const Chunks& chunks) const {
    Arena value, tangents;
    const int rows = chunks.tile_rows();
    const Tile without(problem_, false, rows, value), with(problem_, true, rows, tangents);
    return std::max(value.used(), tangents.used());
  }

  ScoreProblem problem_;
  ThreadPool& pool_;
};

}  // namespace

std::unique_ptr<ScoreProgram> make_score(const ScoreSpec& spec, ThreadPool& pool) {
  if (spec.net.kind == MlpShape::Kind::energy) return std::make_unique<CpuScore<EnergyNetScore>>(spec, pool);
  return std::make_unique<CpuScore<ScoreNetScore>>(spec, pool);
}

}  // namespace scorematch::cpu
