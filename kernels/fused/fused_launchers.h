// The fused kernels as the host sees them: a whole batch, from samples to losses and gradients or to scores, in one
// launch and an ordered reduction. Plain C++, as launchers.h.
#pragma once
#include "launchers.h"

namespace scorematch {
namespace kernels {

enum class Operands { bf16, split_tf32 };  // what tensor cores multiply (device/operands.cuh)

constexpr int kFusedLayers = 12;      // hidden ones and the output
constexpr int kFusedColumns = 32;     // widths are padded to this: the columns of a warp's tile
constexpr int kFusedMostWidth = 256;  // of hidden layers and of the data

struct FusedLayer {
  LayerPlace place;  // padded to kFusedColumns
  bool residual;
  int bias;  // of the padded biases in shared memory, elements
};

struct FusedNet {
  FusedLayer layers[kFusedLayers];
  int hidden = 0;  // layers[hidden] is the output's
  Activation activation = Activation::silu;
  std::int64_t weight_count = 0, bias_count = 0;  // padded
};
/// Pads `count` layers, of which `in`, `out`, `weight` and `bias` are given. @return false for what no fused kernel
/// does: no hidden layer, too many, or too wide a one
bool make_fused_net(const LayerPlace* layers, int count, bool residual, Activation activation, FusedNet* net);

/// How a block does a tile of `rows` samples: its warps stand in row_warps times column_warps, each with row_tiles
/// times 16 rows and 32 columns of a layer. Sums depend on all of it, so it is fixed in the plan.
struct FusedTiling {
  Operands operands = Operands::bf16;
  int row_tiles = 1, row_warps = 1, column_warps = 1;
  int input_columns = 0, output_columns = 0, work_columns = 0;  // padded: network input, output, widest hidden layer
  bool backward = true, directions = false, sliced = false, residual = false;  // what has to be saved of a tile
  bool resident = true;         // weights stay in shared memory, else they stream through it
  bool saves_eps = false;       // from the prologue to the head, in shared memory; else it is drawn again
  bool saved_in_shared = true;  // what the backward pass needs of the forward pass; else in `saved`

  int rows() const { return 16 * row_tiles * row_warps; }
  int threads() const { return 32 * row_warps * column_warps; }
};

struct FusedWish {
  Operands operands = Operands::bf16;
  int directions = 0;  // M
  bool sliced = false;
  bool backward = true;    // gradients, else scores alone
  bool denoising = false;  // eps is in the loss
  std::int64_t max_batch = 1;
  int multiprocessors = 1;
  std::size_t shared_bytes = 0;  // a block may have
};
/// The tiling with the least traffic to the L2 cache. @return false where none fits
bool choose_fused_tiling(const FusedNet& net, const FusedWish& wish, FusedTiling* tiling);
/// Of a block, in bytes.
std::size_t fused_shared_bytes(const FusedNet& net, const FusedTiling& tiling);
std::size_t fused_saved_bytes(const FusedNet& net, const FusedTiling& tiling);

/// What every fused kernel takes; the kernel does not change it.
struct FusedParams {
  FusedNet net;
  FusedTiling tiling;
  const float* params = nullptr;  // [P]
  const void* weights = nullptr;  // packed and padded, of T; null where they are resident
  BatchParams batch;
  Features features;
  std::int64_t samples = 0;  // of the batch
  int directions = 0;        // M
  int blocks = 1;            // of the grid; at most as many as tiles
  void* saved = nullptr;     // [blocks, fused_saved_bytes]; where saved_in_shared is false
};

struct FusedLossParams : FusedParams {
  Term terms[2];
  int term_count = 1;
  Weighting weighting;
  double grad_factor = 1;   // loss_scale / samples of the whole batch
  bool gradient = false;    // of the parameters
  float* grad_x = nullptr;  // [samples, grad_x_stride]; null: not wanted
  std::int64_t grad_x_stride = 0;
  float* partial = nullptr;  // [blocks, partial_stride]: padded weights, then biases from bias_offset on
  std::int64_t partial_stride = 0, bias_offset = 0;
  EstimateRecord* estimates = nullptr;  // [blocks]
  float* loss_per_sample = nullptr;     // [samples]; null: not wanted
};
int launch_fused_loss(const FusedLossParams& params, CUstream_st* stream);

struct FusedScoreParams : FusedParams {  // x is perturbed already
  float weight = 1;                      // of each direction in the divergence
  float* score = nullptr;                // [samples, score_stride]; null, as the others: not wanted
  std::int64_t score_stride = 0;
  float* jvp = nullptr;  // [M, samples, .]
  std::int64_t jvp_plane = 0, jvp_stride = 0;
  float* divergence = nullptr;  // [samples]
};
int launch_fused_score(const FusedScoreParams& params, CUstream_st* stream);

/// The blocks' parts in their order: gradients to grad [P] (= or, with `add`, +=), estimates to or (`add`) onto one.
struct FusedReduceParams {
  const float* partial = nullptr;
  std::int64_t partial_stride = 0, bias_offset = 0;
  const EstimateRecord* estimates = nullptr;
  int blocks = 1;
  LayerTable table;
  bool add = false;
  float* grad = nullptr;               // null: not wanted
  EstimateRecord* estimate = nullptr;  // null: not wanted
};
int launch_fused_reduce(const FusedReduceParams& params, CUstream_st* stream);

}  // namespace kernels
}  // namespace scorematch
