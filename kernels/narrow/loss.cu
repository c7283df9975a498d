// Finds the narrow kernel of a net.
#include "narrow/loss_of.h"
#include "narrow/narrow_launchers.h"
#include "narrow/shapes.h"

namespace scorematch {
namespace kernels {
namespace {

template <class Shape>
bool is_shape_of(const FusedNet& net) {
  if (net.activation != Shape::activation || net.hidden != Shape::depth) return false;
  for (int l = 0; l <= net.hidden; ++l) {
    const FusedLayer& layer = net.layers[l];
    if (layer.residual || layer.place.in != Shape::in(l) || layer.place.out != Shape::out(l)) return false;
  }
  return true;
}

/// Calls visit(Shape()) with the shape of the net. @return whether there is one
template <class Visit, class... Shapes>
bool visit_shape(const FusedNet& net, const Visit& visit, NarrowShapeList<Shapes...>) {
  return ((is_shape_of<Shapes>(net) && (visit(Shapes()), true)) || ...);
}

}  // namespace

bool has_narrow_kernel(const FusedNet& net) {
  return visit_shape(
      net, [](auto) {}, NarrowShapes());
}

std::size_t narrow_shared_bytes(const FusedNet& net) {
  std::size_t bytes = 0;
  visit_shape(
      net, [&](auto shape) { bytes = narrow_shared_bytes_of<decltype(shape)>(); }, NarrowShapes());
  return bytes;
}

int launch_narrow_loss(const FusedLossParams& params, CUstream_st* stream) {
  int status = 1;  // cudaErrorInvalidValue, if there is no such kernel
  visit_shape(
      params.net, [&](auto shape) { status = launch_narrow_loss_of<decltype(shape)>(params, stream); }, NarrowShapes());
  return status;
}

}  // namespace kernels
}  // namespace scorematch
