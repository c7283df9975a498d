#include "cuda/fused_net.h"

#include <algorithm>
#include <vector>

#include "cuda/translate.h"

namespace scorematch::cuda {
namespace {

kernels::Operands operands_of(Precision precision) {
  switch (precision) {
    case Precision::bf16:
      return kernels::Operands::bf16;
    case Precision::tf32:
      return kernels::Operands::tf32;
    case Precision::fp32:
      break;
  }
  return kernels::Operands::tf32_split;
}

}  // namespace

int FusedPlan::blocks_for(std::int64_t batch) const {
  return static_cast<int>(std::min<std::int64_t>(blocks, tiles(batch)));
}

std::string FusedPlan::description() const {
  return "fused: " + std::to_string(tiling.rows()) + " rows a tile, " + std::to_string(tiling.threads() / 32) +
         " warps, " + std::to_string(blocks) + " blocks, weights " + (tiling.resident ? "resident" : "streaming") +
         ", activations in " + (tiling.kept_in_shared ? "shared memory" : "the L2 cache");
}

std::optional<FusedPlan> plan_fused(const MlpShape& net, Precision precision, int directions, bool sliced,
                                    std::int64_t max_batch, Engine::Impl& engine, const Device& device) {
  FusedPlan plan;
  std::vector<kernels::LayerPlace> places;
  for (const MlpShape::Layer& each : net.layers())
    places.push_back({each.in, each.out, each.in, each.out, each.weight, each.bias, 0, 0});
  if (!kernels::make_fused_net(places.data(), static_cast<int>(places.size()), net.residual, translated(net.activation),
                               &plan.net))
    return std::nullopt;
  kernels::FusedWish wish;
  wish.operands = operands_of(precision);
  wish.directions = directions;
  wish.sliced = sliced;
  wish.max_batch = max_batch;
  wish.multiprocessors = device.multiprocessors;
  wish.shared_bytes = device.shared_bytes;
  if (!kernels::choose_fused_tiling(plan.net, wish, &plan.tiling)) return std::nullopt;
  for (std::size_t l = 0; l < places.size(); ++l) {
    places[l] = plan.net.layers[l].place;
    plan.table.largest =
        std::max(plan.table.largest, std::int64_t{places[l].in_padded} * places[l].out_padded + places[l].out_padded);
  }
  plan.places = upload(engine, places.data(), places.size() * sizeof(kernels::LayerPlace));
  plan.table.layers = static_cast<const kernels::LayerPlace*>(plan.places.get());
  plan.table.count = static_cast<int>(places.size());
  plan.blocks = static_cast<int>(std::min<std::int64_t>(device.multiprocessors, plan.tiles(max_batch)));
  return plan;
}

}  // namespace scorematch::cuda
