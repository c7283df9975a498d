#include "cuda/fused/net.h"

#include <algorithm>
#include <vector>

#include "cuda/runtime/status.h"
#include "cuda/translate.h"
#include "scorematch/error.h"

namespace scorematch::cuda {
int FusedPlan::blocks_for(std::int64_t batch) const {
  return static_cast<int>(std::min<std::int64_t>(blocks, tiles(batch)));
}

std::string FusedPlan::description() const {
  if (narrow)
    return "narrow: a kernel compiled for this shape, " + std::to_string(rows()) + " rows per tile, " +
           std::to_string(blocks) + " blocks";
  return "fused: " + std::to_string(rows()) + " rows per tile, " + std::to_string(tiling.threads() / 32) + " warps, " +
         std::to_string(blocks) + " blocks, weights " + (tiling.resident ? "resident" : "streaming") +
         ", activations in " + (tiling.saved_in_shared ? "shared memory" : "the L2 cache") +
         (not_narrow.empty() ? "" : "; not narrow: " + not_narrow);
}

FusedWorkspace::FusedWorkspace(const FusedPlan& plan, DeviceArena& arena) {
  if (!plan.is_resident()) {
    weights = arena.take<char>(static_cast<std::size_t>(plan.net.weight_count) *
                               (plan.element() == kernels::Element::bf16 ? 2 : 4));
    biases = arena.take<float>(static_cast<std::size_t>(plan.net.bias_count));
  }
  if (!plan.narrow && !plan.tiling.saved_in_shared)
    saved = arena.take<char>(static_cast<std::size_t>(plan.blocks) * kernels::fused_saved_bytes(plan.net, plan.tiling));
}

void FusedWorkspace::prepare(const FusedPlan& plan, const ConstView& params, std::int64_t batch, cudaStream_t stream,
                             kernels::FusedParams* p) const {
  p->net = plan.net;
  p->tiling = plan.tiling;
  p->params = floats(params);
  p->weights = weights;
  p->samples = batch;
  p->blocks = plan.blocks_for(batch);
  p->saved = saved;
  if (!plan.is_resident())
    check_launch(kernels::launch_pack(p->params, plan.table, weights, biases, plan.element(), stream), "pack");
}

std::optional<FusedPlan> plan_fused(const MlpShape& net, Precision precision, kernels::FusedWish wish,
                                    Engine::Impl& engine, const Device& device) {
  if (precision == Precision::tf32) return std::nullopt;
  FusedPlan plan;
  std::vector<kernels::LayerPlace> places;
  for (const MlpShape::Layer& each : net.layers())
    places.push_back({each.in, each.out, each.in, each.out, each.weight, each.bias, 0, 0});
  if (!kernels::make_fused_net(places.data(), static_cast<int>(places.size()), net.residual, net.activation, &plan.net))
    return std::nullopt;
  wish.operands = precision == Precision::bf16 ? kernels::Operands::bf16 : kernels::Operands::split_tf32;
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
  plan.blocks = static_cast<int>(std::min<std::int64_t>(device.multiprocessors, plan.tiles(wish.max_batch)));
  return plan;
}

namespace {

/// Empty if narrow kernels can run the plan.
std::string why_not_narrow(const FusedPlan& plan, const NarrowKernels& narrow, const Device& device) {
  if (plan.tiling.operands != kernels::Operands::bf16) return "operands are not bf16";
  if (!narrow.missing.empty()) return narrow.missing;
  if (narrow.shared_bytes > device.shared_bytes)
    return "a block needs " + std::to_string(narrow.shared_bytes) + " bytes of shared memory and has " +
           std::to_string(device.shared_bytes);
  return "";
}

}  // namespace

void choose_narrow(FusedPlan& plan, Route route, const NarrowKernels& narrow, std::int64_t max_batch,
                   const Device& device) {
  if (route == Route::fused) return;
  plan.not_narrow = why_not_narrow(plan, narrow, device);
  if (route == Route::narrow && !plan.not_narrow.empty())
    throw Error(ErrorCode::unsupported, "compute.route",
                "compute.route: expected automatic, fused or layered, because " + plan.not_narrow + ", got narrow");
  if (route == Route::automatic && plan.not_narrow.empty() && max_batch < narrow.least_batch)
    plan.not_narrow = "max_batch is below " + std::to_string(narrow.least_batch) + ", a tile per multiprocessor";
  if (!plan.not_narrow.empty()) return;
  plan.narrow = true;
  plan.narrow_rows = narrow.rows;
  plan.blocks = static_cast<int>(std::min<std::int64_t>(device.multiprocessors, plan.tiles(max_batch)));
}

}  // namespace scorematch::cuda
