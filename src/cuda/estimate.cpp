// The mean and the sum of squared deviations of values that a sampler leaves on the device.
#include "cuda/programs.h"
#include "cuda/runtime/status.h"
#include "cuda/translate.h"

namespace scorematch::cuda {

void estimate(const Device& device, Queue::Impl& queue, const ConstView& values, Estimate* estimate) {
  const UseDevice use(device);
  check_launch(kernels::launch_estimate(floats(values), values.shape.extent[0], false,
                                        reinterpret_cast<kernels::EstimateRecord*>(estimate), nullptr, queue.stream),
               "estimate");
}

}  // namespace scorematch::cuda
