// A network in the form that the fused kernels use, and the division of its batches.
#pragma once
#include <cuda_runtime_api.h>

#include <memory>
#include <optional>
#include <string>

#include "cuda/runtime/device.h"
#include "engine/arena.h"
#include "engine/backend.h"
#include "narrow/narrow_launchers.h"

namespace scorematch::cuda {

struct FusedPlan {
  kernels::FusedNet net;
  kernels::FusedTiling tiling;
  kernels::LayerTable table;
  std::shared_ptr<void> places;  // the layers of `table`, on the device
  int blocks = 1;                // of the largest batch
  bool narrow = false;           // by the kernel compiled for the net's shape, which has its own tiling
  int narrow_rows = 0;           // of a tile of that kernel
  std::string not_narrow;        // why not

  int rows() const { return narrow ? narrow_rows : tiling.rows(); }
  bool is_resident() const { return narrow || tiling.resident; }
  std::int64_t tiles(std::int64_t batch) const { return (batch + rows() - 1) / rows(); }
  int blocks_for(std::int64_t batch) const;
  kernels::Element element() const {
    return tiling.operands == kernels::Operands::bf16 ? kernels::Element::bf16 : kernels::Element::f32;
  }
  std::string description() const;
};

/// The part of the workspace that every fused program has.
struct FusedWorkspace {
  FusedWorkspace(const FusedPlan& plan, DeviceArena& arena);
  /// Sets the members of `p` that depend on the plan, the workspace and the batch. Packs the parameters unless they are
  /// resident.
  void prepare(const FusedPlan& plan, const ConstView& params, std::int64_t batch, cudaStream_t stream,
               kernels::FusedParams* p) const;

  char* weights = nullptr;  // padded, of the compute type; null (like biases) if resident in shared memory
  float* biases = nullptr;
  char* saved = nullptr;  // null if it is in shared memory
};

/// Returns no plan if no fused kernel supports this network in this precision. @param wish of the caller; the precision
/// and the device are set here
std::optional<FusedPlan> plan_fused(const MlpShape& net, Precision precision, kernels::FusedWish wish,
                                    Engine::Impl& engine, const Device& device);

/// The narrow kernels for a plan.
struct NarrowKernels {
  std::string missing;           // why there are none; else empty
  std::size_t shared_bytes = 0;  // of a block
  int rows = 0;                  // of a tile
  std::int64_t least_batch = 0;  // automatic plans for smaller batches take the fused route
};
/// Makes the plan narrow if its precision, the device and the route allow it, else says why not. @param max_batch of
/// the plan
/// @throws Error unsupported if the route asks for a narrow kernel and there is none
void choose_narrow(FusedPlan& plan, Route route, const NarrowKernels& narrow, std::int64_t max_batch,
                   const Device& device);

}  // namespace scorematch::cuda
