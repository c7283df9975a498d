// The Gaussian term that ends a likelihood.
#include "cuda/programs.h"
#include "cuda/runtime/status.h"
#include "cuda/translate.h"

namespace scorematch::cuda {

void add_gaussian(const Device& device, Queue::Impl& queue, const GaussianTerm& term) {
  kernels::GaussianParams p;
  p.batch = term.x.shape.extent[0];
  p.dim = static_cast<int>(term.x.shape.extent[1]);
  p.out = floats(term.out), p.value = floats(term.value), p.x = floats(term.x);
  p.precision = static_cast<float>(term.precision), p.constant = static_cast<float>(term.constant);
  const UseDevice use(device);
  check_launch(kernels::launch_add_gaussian(p, queue.stream), "add_gaussian");
}

}  // namespace scorematch::cuda
