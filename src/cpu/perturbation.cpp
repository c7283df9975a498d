// The perturbation alone, tile by tile: x_tilde, sigma, eps and the network's input. Also directions.
#include <vector>

#include "cpu/chunks.h"
#include "cpu/output.h"
#include "cpu/programs.h"
#include "cpu/tile/directions.h"
#include "cpu/tile/samples.h"

namespace scorematch::cpu {
namespace {

class CpuPerturb final : public PerturbProgram {
 public:
  CpuPerturb(const PerturbSpec& spec, ThreadPool& pool)
      : spec_(spec),
        levels_(spec.schedule),
        pool_(pool),
        input_stride_(padded(spec.dim + feature_count(spec.conditioning) + context_count(spec.context))) {}

  void run(Queue::Impl&, const Batch& in, const PerturbOut& out, std::int64_t batch) const override {
    check_host_values(in, batch, spec_.context.columns);
    const SampleSource source(in, levels_, spec_.perturbed, spec_.dim, spec_.context, spec_.context_dropout);
    const Chunks chunks(batch);
    pool_.run(chunks.count(), [&](std::int64_t chunk, int) {
      // Not from the queue's workspace, because the public plan does not request any.
      std::vector<char> memory(tile_bytes());
      Arena arena(memory.data());
      Tile tile(*this, arena);
      chunks.for_each_tile(chunk, [&](std::int64_t first, int rows) {
        source.load(first, rows, tile.samples);
        fill_input(tile.samples, 1, spec_.parameterization, spec_.conditioning, spec_.context, spec_.dim, tile.x_tilde,
                   out.net_input.empty() ? nullptr : tile.input, input_stride_);
        store_rows(out.net_input, first, rows, tile.input, input_stride_);
        store_values(out.sigma, first, rows, tile.samples.sigma);
        store_rows(out.x_tilde, first, rows, tile.x_tilde, padded(spec_.dim));
        store_rows(out.eps, first, rows, tile.samples.eps, padded(spec_.dim));
      });
    });
  }

 private:
  struct Tile {
    Tile(const CpuPerturb& plan, Arena& arena) : samples(plan.spec_.dim, kTileRows, arena) {
      x_tilde = take_rows(arena, kTileRows, padded(plan.spec_.dim));
      input = take_rows(arena, kTileRows, plan.input_stride_);
    }
    TileSamples samples;
    float *x_tilde, *input;
  };
  std::size_t tile_bytes() const {
    Arena arena;
    const Tile tile(*this, arena);
    return arena.used();
  }

  PerturbSpec spec_;
  NoiseLevels levels_;
  ThreadPool& pool_;
  int input_stride_;
};

class CpuDirection final : public DirectionProgram {
 public:
  CpuDirection(const DirectionSpec& spec, ThreadPool& pool) : spec_(spec), pool_(pool) {}

  void run(Queue::Impl&, const NoiseRef& noise, const View& out, std::int64_t batch) const override {
    check_noise_range(noise, batch);
    const Chunks chunks(batch);
    pool_.run(chunks.count(), [&](std::int64_t chunk, int) {
      chunks.for_each_tile(chunk, [&](std::int64_t first, int rows) {
        for (int m = 0; m < spec_.projections; ++m) {
          float* const to = static_cast<float*>(out.data) + m * out.stride[0] + first * out.stride[1];
          if (spec_.unit_vectors)
            fill_unit_direction(spec_.first + m, rows, to, static_cast<int>(out.stride[1]));
          else
            fill_direction(
                draw_at(noise, philox::Purpose::direction, first, static_cast<std::uint32_t>(spec_.first + m)),
                spec_.distribution, rows, spec_.dim, to, out.stride[1]);
        }
      });
    });
  }

 private:
  DirectionSpec spec_;
  ThreadPool& pool_;
};

}  // namespace

std::unique_ptr<PerturbProgram> make_perturb(const PerturbSpec& spec, ThreadPool& pool) {
  return std::make_unique<CpuPerturb>(spec, pool);
}

std::unique_ptr<DirectionProgram> make_direction(const DirectionSpec& spec, ThreadPool& pool) {
  return std::make_unique<CpuDirection>(spec, pool);
}

}  // namespace scorematch::cpu
