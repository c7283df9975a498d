// A network as the fused kernels compute with it, and how they cut up its batches.
#pragma once
#include <memory>
#include <optional>

#include "backend.h"
#include "cuda/device.h"
#include "fused_launchers.h"

namespace scorematch::cuda {

struct FusedPlan {
  kernels::FusedNet net;
  kernels::FusedTiling tiling;
  kernels::LayerTable table;
  std::shared_ptr<void> places;  // the table's, on the device
  int blocks = 1;                // of a whole batch

  std::int64_t tiles(std::int64_t batch) const { return (batch + tiling.rows() - 1) / tiling.rows(); }
  int blocks_for(std::int64_t batch) const;
  std::size_t element_bytes() const { return tiling.operands == kernels::Operands::bf16 ? 2 : 4; }
  std::string description() const;
};

/// Nothing where no fused kernel does this network.
/// @param directions of a sample  @param sliced whether their squares are in the loss
std::optional<FusedPlan> plan_fused(const MlpShape& net, Precision precision, int directions, bool sliced,
                                    std::int64_t max_batch, Engine::Impl& engine, const Device& device);

}  // namespace scorematch::cuda
