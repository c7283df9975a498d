// Chooses how a fused kernel divides a network into tiles, and whether it can. Host code; the shared memory of a tiling
// is what the kernels carve.
#include "fused/block.cuh"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kMostRows = 512, kFewestRows = 16;

int padded(int width) { return (width + kFusedColumns - 1) / kFusedColumns * kFusedColumns; }
/// Rounds up to an address where cp.async may start: 256 bytes for the smallest type.
std::int64_t aligned(std::int64_t elements) { return (elements + 127) / 128 * 128; }

/// The bytes that the kernel carves.
template <class Operands>
std::size_t shared_bytes_of(const FusedNet& net, const FusedTiling& tiling) {
  Carver carve;
  carve.take<FusedShared<Operands>>(1);
  FusedArrays<Operands>(FusedShape<Operands>(net, tiling), carve);
  return carve.used();
}

/// The largest number of rows to try: the smallest that gives every multiprocessor at most one tile of the batch.
int most_rows(const FusedWish& wish) {
  int rows = kFewestRows;
  while (rows < kMostRows && std::int64_t{rows} * wish.multiprocessors < wish.max_batch) rows *= 2;
  return rows;
}

/// Sets the warps for `rows`. Losses use two row tiles per warp if that leaves eight warps, which halves their reads of
/// the weights. The gradient of a context has no registers left then.
bool set_rows(FusedTiling& tiling, int rows, bool has_context) {
  tiling.row_tiles = 1;
  if (tiling.backward && !has_context && tiling.operands == Operands::bf16 && rows / 32 * tiling.column_warps >= 8)
    tiling.row_tiles = 2;
  tiling.row_warps = rows / (16 * tiling.row_tiles);
  return tiling.threads() <= kFusedThreads;
}

/// The bytes per sample between a multiprocessor and the L2 cache: partial sums and streamed weights once per tile and
/// pass, and data saved in global memory, both written and read. The last counts 1.5 times, because lanes wait for it.
double cache_bytes(const FusedNet& net, const FusedTiling& tiling, const FusedWish& wish) {
  double weights = 0;
  for (int l = 0; l <= net.hidden; ++l)
    weights += static_cast<double>(net.layers[l].place.out_padded) * net.layers[l].place.in_padded;
  const double passes = 1 + wish.directions, element = tiling.operands == Operands::bf16 ? 2 : 4;
  double bytes = (wish.backward ? 4 * weights * passes : 0) +
                 (tiling.resident ? 0 : (wish.backward ? 2 : 1) * element * weights * passes);
  if (!tiling.saved_in_shared) bytes += 3 * passes * static_cast<double>(fused_saved_bytes(net, tiling));
  return bytes / tiling.rows();
}

}  // namespace

std::size_t fused_saved_bytes(const FusedNet& net, const FusedTiling& tiling) {
  const int vectors = tiling.operands == Operands::bf16 ? FusedShape<Bf16Operands>(net, tiling).saved.all
                                                        : FusedShape<SplitTf32Operands>(net, tiling).saved.all;
  return static_cast<std::size_t>(vectors) * 16 * static_cast<std::size_t>(tiling.threads());
}

std::size_t fused_shared_bytes(const FusedNet& net, const FusedTiling& tiling) {
  return tiling.operands == Operands::bf16 ? shared_bytes_of<Bf16Operands>(net, tiling)
                                           : shared_bytes_of<SplitTf32Operands>(net, tiling);
}

bool make_fused_net(const LayerPlace* layers, int count, bool residual, Activation activation, FusedNet* net) {
  if (count < 2 || count > kFusedLayers) return false;
  net->hidden = count - 1;
  net->activation = activation;
  std::int64_t weight = 0;
  int bias = 0;
  for (int l = 0; l < count; ++l) {
    LayerPlace place = layers[l];
    if (place.out > kFusedMostWidth) return false;
    place.in_padded = padded(place.in), place.out_padded = padded(place.out);
    place.weight_padded = weight, place.bias_padded = bias;
    net->layers[l] = {place, residual && l + 1 < count && place.in == place.out, bias};
    weight += aligned(std::int64_t{place.in_padded} * place.out_padded);
    bias += place.out_padded;
  }
  net->weight_count = weight;
  net->bias_count = bias;
  return true;
}

bool choose_fused_tiling(const FusedNet& net, const FusedWish& wish, FusedTiling* tiling) {
  FusedTiling next;
  next.operands = wish.operands;
  next.input_columns = net.layers[0].place.in_padded;
  next.output_columns = net.layers[net.hidden].place.out_padded;
  for (int l = 0; l < net.hidden; ++l) {
    if (net.layers[l].place.out_padded > next.work_columns) next.work_columns = net.layers[l].place.out_padded;
    next.residual = next.residual || net.layers[l].residual;
  }
  next.column_warps = next.work_columns / kFusedColumns;
  next.backward = wish.backward;
  next.directions = wish.directions > 0;
  next.sliced = wish.sliced;
  double least = 0;
  bool found = false;
  for (int rows = most_rows(wish); rows >= kFewestRows; rows /= 2) {
    if (!set_rows(next, rows, wish.has_context)) continue;
    for (int placement = 0; placement < 4; ++placement) {
      next.resident = placement < 2;
      next.saved_in_shared = placement % 2 == 0;
      if (fused_shared_bytes(net, next) > wish.shared_bytes) continue;
      const double bytes = cache_bytes(net, next, wish);
      if (found && bytes >= least) continue;
      least = bytes;
      *tiling = next;
      found = true;
    }
  }
  if (!found || !wish.denoising) return found;
  tiling->saves_eps = true;
  if (fused_shared_bytes(net, *tiling) > wish.shared_bytes) tiling->saves_eps = false;
  return true;
}

}  // namespace kernels
}  // namespace scorematch
