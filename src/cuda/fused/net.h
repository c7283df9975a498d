// A network as the fused kernels compute with it, and how they cut up its batches.
#pragma once
#include <cuda_runtime_api.h>

#include <memory>
#include <optional>
#include <string>

#include "cuda/runtime/device.h"
#include "engine/arena.h"
#include "engine/backend.h"
#include "fused/fused_launchers.h"

namespace scorematch::cuda {

struct FusedPlan {
  kernels::FusedNet net;
  kernels::FusedTiling tiling;
  kernels::LayerTable table;
  std::shared_ptr<void> places;  // the table's, on the device
  int blocks = 1;                // of a whole batch

  std::int64_t tiles(std::int64_t batch) const { return (batch + tiling.rows() - 1) / tiling.rows(); }
  int blocks_for(std::int64_t batch) const;
  kernels::Element element() const {
    return tiling.operands == kernels::Operands::bf16 ? kernels::Element::bf16 : kernels::Element::f32;
  }
  std::string description() const;
};

/// What every fused program has in the workspace.
struct FusedWorkspace {
  FusedWorkspace(const FusedPlan& plan, DeviceArena& arena);
  /// Packs parameters that stream, and says in `p` all that is of the plan and the workspace.
  void prepare(const FusedPlan& plan, const ConstView& params, std::int64_t batch, cudaStream_t stream,
               kernels::FusedParams* p) const;

  char* weights = nullptr;  // padded and of the compute type, and their biases; null where they stay in shared memory
  float* biases = nullptr;
  char* saved = nullptr;  // null where it is in shared memory
};

/// Nothing where no fused kernel does this network in this precision; `wish` says the rest but the device.
std::optional<FusedPlan> plan_fused(const MlpShape& net, Precision precision, kernels::FusedWish wish,
                                    Engine::Impl& engine, const Device& device);

}  // namespace scorematch::cuda
