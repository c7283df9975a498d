// The host's interface to the fused kernels: a whole batch, from samples to losses and gradients or to scores, in one
// launch and an ordered reduction. Plain C++, like launchers.h.
#pragma once
#include "launchers.h"

namespace scorematch {
namespace kernels {

enum class Operands { bf16, split_tf32 };  // of the tensor cores (device/operands.cuh)

constexpr int kFusedLayers = 12;      // at most, hidden layers and the output layer
constexpr int kFusedColumns = 32;     // columns of a warp's tile; widths are padded to a multiple
constexpr int kFusedMostWidth = 256;  // of hidden layers and of the data

struct FusedLayer {
  LayerPlace place;  // padded to kFusedColumns
  bool residual;
  int bias;  // offset in the padded biases in shared memory, in elements
};

struct FusedNet {
  FusedLayer layers[kFusedLayers];
  int hidden = 0;  // hidden layers; layers[hidden] is the output layer
  Activation activation = Activation::silu;
  std::int64_t weight_count = 0, bias_count = 0;  // padded
};
/// Pads `count` layers, whose `in`, `out`, `weight` and `bias` are given. @return false if no fused kernel supports the
/// net: no hidden layer, too many layers, or a layer that is too wide
bool make_fused_net(const LayerPlace* layers, int count, bool residual, Activation activation, FusedNet* net);

/// How a block processes a tile of `rows` samples. Its warps form a grid of row_warps by column_warps, and each has
/// row_tiles times 16 rows and 32 columns of a layer. Sums depend on all members, so a plan fixes them.
struct FusedTiling {
  Operands operands = Operands::bf16;
  int row_tiles = 1, row_warps = 1, column_warps = 1;
  int input_columns = 0, output_columns = 0, work_columns = 0;  // padded: network input, output, widest hidden layer
  bool backward = true, directions = false, sliced = false, residual = false;  // what a tile saves
  bool resident = true;         // weights stay in shared memory; else they are streamed through it
  bool saves_eps = false;       // in shared memory, from the perturbation to the head; else it is drawn again
  bool saved_in_shared = true;  // the activations for the backward pass; else in FusedParams::saved

  int rows() const { return 16 * row_tiles * row_warps; }
  int threads() const { return 32 * row_warps * column_warps; }
};

struct FusedWish {
  Operands operands = Operands::bf16;
  int directions = 0;  // M
  bool sliced = false;
  bool backward = true;    // gradients; else only scores
  bool denoising = false;  // eps is in the loss
  bool has_context = false;
  std::int64_t max_batch = 1;
  int multiprocessors = 1;
  std::size_t shared_bytes = 0;  // available to a block
};
/// The tiling with the least traffic to the L2 cache. @return false if none fits
bool choose_fused_tiling(const FusedNet& net, const FusedWish& wish, FusedTiling* tiling);
/// The shared memory of a block and the saved data of a block, in bytes.
std::size_t fused_shared_bytes(const FusedNet& net, const FusedTiling& tiling);
std::size_t fused_saved_bytes(const FusedNet& net, const FusedTiling& tiling);

/// The parameters of every fused kernel; kernels do not change them.
struct FusedParams {
  FusedNet net;
  FusedTiling tiling;
  const float* params = nullptr;  // [P]
  const void* weights = nullptr;  // packed and padded, of T; null if they are resident
  BatchParams batch;
  Features features;
  std::int64_t samples = 0;  // of the batch
  int directions = 0;        // M
  int blocks = 1;            // of the grid; at most the number of tiles
  void* saved = nullptr;     // [blocks, fused_saved_bytes]; used if saved_in_shared is false
};

struct FusedLossParams : FusedParams {
  Term terms[2];
  int term_count = 1;
  Weighting weighting;
  double grad_factor = 1;   // loss_scale / samples of the whole batch
  bool gradient = false;    // of the parameters
  float* grad_x = nullptr;  // [samples, grad_x_stride]; null: not wanted
  std::int64_t grad_x_stride = 0;
  float* grad_context = nullptr;  // [samples, grad_context_stride]; null: not wanted
  std::int64_t grad_context_stride = 0;
  float* partial = nullptr;  // [blocks, partial_stride]: padded weights, then biases at bias_offset
  std::int64_t partial_stride = 0, bias_offset = 0;
  EstimateRecord* estimates = nullptr;  // [blocks]
  float* loss_per_sample = nullptr;     // [samples]; null: not wanted
  float* loss_per_direction = nullptr;  // [M, .]: the loss with one direction; null: not wanted
  std::int64_t loss_per_direction_plane = 0;
};
int launch_fused_loss(const FusedLossParams& params, CUstream_st* stream);

struct FusedScoreParams : FusedParams {  // x is already perturbed
  float weight = 1;                      // of each direction in the divergence
  float* score = nullptr;                // [samples, score_stride]; any output may be null: not wanted
  std::int64_t score_stride = 0;
  float* jvp = nullptr;  // [M, samples, .]
  std::int64_t jvp_plane = 0, jvp_stride = 0;
  float* divergence = nullptr;  // [samples]
};
int launch_fused_score(const FusedScoreParams& params, CUstream_st* stream);

/// Adds the parts of the blocks in order: gradients into grad [P] (or, with `add`, onto it), and estimates into one (or
/// onto it).
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
