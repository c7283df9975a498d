// v_m, m = first_direction ... first_direction + count - 1, of any distribution, unit vectors, or as given. They go to
// the tangent rows, [count, rows, stride] of T, with zeros from column dim and in the rows past the batch.
//
// A warp processes 32 / lanes rows of one direction, and each lane a group of four columns at a time. The sphere takes
// two passes, which draw twice. No shared memory. Bytes per row: sizeof(T) columns written. One warp sums over a row,
// in an order that depends only on dim.
#include "device/launch.h"
#include "device/noise.cuh"

namespace scorematch {
namespace kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kResidentBlocks = 5;  // per multiprocessor: the register budget, 48 per thread

template <class T>
__global__ void __launch_bounds__(kThreads, kResidentBlocks) directions_kernel(DirectionsParams p) {
  const RowLanes lanes(group_count(p.columns));
  const int thread = static_cast<int>(threadIdx.x), lane = lanes.lane_of(thread);
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * lanes.rows(kThreads) + lanes.row_of(thread);
  const int in_group = static_cast<int>(blockIdx.y), m = p.first_direction + in_group;
  SampleDirection direction(p.source, p.noise, m, p.first + row, p.dim);
  if (direction.has_row_value()) direction.find_row_value(row < p.batch, lanes, lane);
  if (row >= p.rows) return;
  if (p.row_values != nullptr && lane == 0) p.row_values[in_group * p.rows + row] = direction.row_value;
  if (p.out == nullptr) return;
  T* out = static_cast<T*>(p.out) + in_group * p.plane + row * p.stride;
  for (int g = lane; g < group_count(p.columns); g += lanes.lanes()) {
    float v[4] = {};
    if (row < p.batch) direction.get4(g, v);
    write4(out, g, p.columns, v);
  }
}

}  // namespace

int launch_directions(const DirectionsParams& params, Element element, CUstream_st* stream) {
  const Grid grid = row_grid(params.rows, params.columns, kThreads, params.count);
  return element == Element::bf16 ? launch(directions_kernel<bf16>, grid, stream, params)
                                  : launch(directions_kernel<float>, grid, stream, params);
}

}  // namespace kernels
}  // namespace scorematch
