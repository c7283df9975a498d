#include "cuda/layered/net.h"

#include "cuda/runtime/status.h"

namespace scorematch::cuda {

LayeredNet::LayeredNet(const MlpShape& net, Precision precision, std::int64_t max_batch, int directions,
                       int further_channels, const Context& context)
    : dim(net.dim),
      is_energy(net.kind == MlpShape::Kind::energy),
      padded(net, context.engine),
      features(net.conditioning, context.engine),
      activation(net.activation),
      element(element_of(precision)),
      tangents(std::min(directions, kMostTangents)),
      channels(1 + tangents + further_channels),
      rows(chunk_rows(max_batch, padded.max_width(), channels)),
      gemms(context.cublas, precision, context.device.capability) {
  check_launch(kernels::load_jet_kernels(element, activation), "loading kernels");
}

int LayeredNet::chunks(std::int64_t batch) const {
  int count = 0;
  for_each_chunk(batch, rows, [&](const Chunk&) { ++count; });
  return count;
}

PlanReport LayeredNet::report(int launches) const {
  return {Route::layered, launches,
          std::string("layered: ") + (is_energy ? "an energy net, " : "") + std::to_string(rows) + " rows per chunk"};
}

LayeredWorkspace::LayeredWorkspace(const LayeredNet& net_, const JetParts& parts, DeviceArena& arena)
    : net(net_),
      weights(arena.take<char>(static_cast<std::size_t>(net.padded.weight_count()) *
                               (net.element == kernels::Element::bf16 ? 2 : 4))),
      biases(arena.take<float>(static_cast<std::size_t>(net.padded.bias_count()))),
      sigma(arena.take<float>(static_cast<std::size_t>(net.rows))),
      direction_values(arena.take<float>(static_cast<std::size_t>(net.rows) * static_cast<std::size_t>(net.tangents))),
      jet(net.padded, net.activation, net.element, net.gemms, net.rows, net.channels, parts, arena) {}

void LayeredWorkspace::pack(const ConstView& params, cudaStream_t stream) const {
  check_launch(kernels::launch_pack(floats(params), net.padded.table(), weights, biases, net.element, stream), "pack");
}

void LayeredWorkspace::fill_value(kernels::PerturbParams p, const Chunk& chunk, cudaStream_t stream) const {
  p.dim = net.dim;
  p.batch = chunk.samples, p.rows = chunk.rows, p.first = chunk.first;
  p.net_input = jet.input({chunk.rows, 0, 1}, 0);
  p.net_stride = p.net_columns = net.padded.first().in;
  p.sigma_out = sigma;
  check_launch(kernels::launch_perturb(p, net.element, stream), "perturb");
}

void LayeredWorkspace::fill_tangents(kernels::DirectionsParams p, bool has_row_values, const Chunk& chunk,
                                     const Channels& channels, int first, cudaStream_t stream) const {
  p.dim = net.dim, p.columns = net.padded.first().in;
  p.first_direction = first, p.count = channels.tangents();
  p.batch = chunk.samples, p.rows = chunk.rows, p.first = chunk.first;
  p.row_values = has_row_values ? direction_values : nullptr;
  p.out = jet.input(channels, 1);
  p.stride = p.columns, p.plane = p.stride * chunk.rows;
  check_launch(kernels::launch_directions(p, net.element, stream), "directions");
}

}  // namespace scorematch::cuda
