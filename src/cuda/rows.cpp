// Which row of the data each sample is.
#include "cuda/programs.h"
#include "cuda/runtime/status.h"
#include "cuda/translate.h"

namespace scorematch::cuda {

void write_rows(const Device& device, Queue::Impl& queue, const Batch& batch, const View& rows) {
  kernels::RowsParams p;
  p.data = data_rows(batch), p.noise = translated(batch.noise);
  p.batch = rows.shape.extent[0];
  p.out = static_cast<std::int64_t*>(rows.data);
  const UseDevice use(device);
  check_launch(kernels::launch_rows(p, queue.stream), "rows");
}

}  // namespace scorematch::cuda
