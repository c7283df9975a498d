// x_tilde = x + point sigma eps;  net_input = (c x_tilde, e(sigma), context, 0 ...)
//
// | array | shape |
// |---|---|
// | x, context | [R, dim], [R, columns], gathered by row |
// | net_input | [rows, net_stride] of T |
// | sigma | [rows] |
//
// A block processes up to 256 rows. First one thread per row computes sigma and the values that follow from it. Then
// each lane of the row draws, adds and stores four columns at a time. Shared memory: one RowLevel per row. Bytes per
// row: 4 dim read, sizeof(T) net_columns + 4 written. Every four columns take one Philox counter and two Box-Muller
// transforms. Nothing is summed, so nothing depends on the launch.
#include "device/launch.h"
#include "device/perturbation.cuh"
#include "device/smem.cuh"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 3;     // per multiprocessor: the register budget, 80 per thread
constexpr int kGroupsPerBlock = 2048;  // about eight per thread, enough to hide the transcendental functions of sigma

int rows_per_block(const PerturbParams& p) {
  const int columns = p.net_columns > p.dim ? p.net_columns : p.dim;
  const int rows = kGroupsPerBlock / ((columns + 3) / 4);
  return rows < 1 ? 1 : rows > kThreads ? kThreads : rows;
}

/// Called by every thread; `levels` is valid after the caller's next barrier.
SCOREMATCH_DEVICE void find_levels(const PerturbParams& p, std::int64_t first_row, int count, RowLevel* levels) {
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
    const std::int64_t row = first_row + i;
    levels[i] = find_level_and_context(p, p.features, p.first + row, row < p.batch);
    if (p.sigma_out != nullptr) p.sigma_out[row] = levels[i].sigma;
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads, kResidentBlocks) perturb_kernel(PerturbParams p, int rows_here) {
  SCOREMATCH_SHARED(block);
  Carver carve(block);
  RowLevel* levels = carve.take<RowLevel>(static_cast<std::size_t>(rows_here));
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.x) * rows_here;
  const std::int64_t left = p.rows - first_row;
  const int count = left < rows_here ? static_cast<int>(left) : rows_here;
  find_levels(p, first_row, count, levels);
  __syncthreads();
  const int groups = group_count(p.net_columns > p.dim ? p.net_columns : p.dim), thread = static_cast<int>(threadIdx.x);
  const RowLanes lanes(groups);
  for (int i = lanes.row_of(thread); i < count; i += lanes.rows(kThreads)) {
    const std::int64_t r = first_row + i;
    const PerturbRow<T> row{p.features,
                            p.context,
                            {p.data.x.data + levels[i].row() * p.data.x.stride,
                             SampleEps<>(p.eps, p.noise, p.first + r, p.dim), p.point * levels[i].sigma, p.dim},
                            levels[i].log_sigma,
                            levels[i].place,
                            levels[i].c,
                            r < p.batch,
                            p.net_input == nullptr ? nullptr : static_cast<T*>(p.net_input) + r * p.net_stride,
                            p.net_columns,
                            p.x_tilde == nullptr ? nullptr : p.x_tilde + r * p.x_tilde_stride,
                            p.eps_out == nullptr ? nullptr : p.eps_out + r * p.eps_stride};
    for (int g = lanes.lane_of(thread); g < groups; g += lanes.lanes()) row.store_group(g);
  }
}

}  // namespace

int launch_perturb(const PerturbParams& params, Element element, CUstream_st* stream) {
  const int rows_here = rows_per_block(params);
  const Grid grid{static_cast<unsigned>((params.rows + rows_here - 1) / rows_here), 1, kThreads,
                  shared_bytes<RowLevel>(static_cast<std::size_t>(rows_here))};
  return element == Element::bf16 ? launch(perturb_kernel<bf16>, grid, stream, params, rows_here)
                                  : launch(perturb_kernel<float>, grid, stream, params, rows_here);
}

}  // namespace kernels
}  // namespace scorematch
