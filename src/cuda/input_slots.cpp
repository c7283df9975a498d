#include "cuda/input_slots.h"

#include "cuda/status.h"

namespace scorematch::cuda {

void InputSlots::fill_value(kernels::PerturbParams params, const Chunk& chunk) const {
  params.dim = dim;
  params.batch = chunk.samples, params.rows = chunk.rows, params.first = chunk.first;
  params.net_input = jet.input({chunk.rows, 0, 1}, 0);
  params.net_stride = params.net_columns = net.first().in;
  params.sigma_out = sigma;
  check_launch(kernels::launch_perturb(params, element, stream), "perturb");
}

void InputSlots::fill_tangents(kernels::DirectionsParams params, const Chunk& chunk, const Slots& slots,
                               int first) const {
  params.dim = dim, params.columns = net.first().in;
  params.first_direction = first, params.count = slots.tangents();
  params.batch = chunk.samples, params.rows = chunk.rows, params.first = chunk.first;
  params.out = jet.input(slots, 1);
  params.stride = params.columns, params.plane = params.stride * chunk.rows;
  check_launch(kernels::launch_directions(params, element, stream), "directions");
}

}  // namespace scorematch::cuda
