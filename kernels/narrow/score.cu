// Finds the narrow score kernels of a net.
#include "narrow/narrow_launchers.h"
#include "narrow/score_of.h"
#include "narrow/shapes.h"

namespace scorematch {
namespace kernels {
namespace {

/// Whether a net can be padded to the shape without more than 31 columns of padding in hidden layers. Its input may
/// have columns of x and e(sigma) only.
template <class Shape>
bool fits(const FusedNet& net, int features) {
  const LayerPlace &first = net.layers[0].place, &last = net.layers[net.hidden].place;
  if (net.activation != Shape::activation || features > kNarrowFeatures) return false;
  // The columns of x are exchanged in the operand of the first layer, so it cannot be added to the sums.
  if (last.out > Shape::columns || first.in != last.out + features || net.layers[0].residual) return false;
  for (int l = 0; l < net.hidden; ++l)
    if (net.layers[l].place.out > Shape::hidden || net.layers[l].place.out <= Shape::hidden - 32) return false;
  return true;
}

/// Calls visit(Shape()) with the first shape of a net. @return whether there is one
template <class Visit, class... Shapes>
bool visit_shape(const FusedNet& net, int features, const Visit& visit, NarrowShapeList<Shapes...>) {
  return ((fits<Shapes>(net, features) && (visit(Shapes()), true)) || ...);
}

}  // namespace

bool has_narrow_score_kernel(const FusedNet& net, int features) {
  return visit_shape(
      net, features, [](auto) {}, NarrowScoreShapes());
}

std::size_t narrow_score_shared_bytes(const FusedNet& net, int features) {
  std::size_t bytes = 0;
  visit_shape(
      net, features, [&](auto shape) { bytes = narrow_score_shared_bytes_of<decltype(shape)>(net.hidden); },
      NarrowScoreShapes());
  return bytes;
}

int launch_narrow_score(const FusedScoreParams& params, CUstream_st* stream) {
  int status = 1;  // cudaErrorInvalidValue, if there is no such kernel
  visit_shape(
      params.net, params.features.count,
      [&](auto shape) { status = launch_narrow_score_of<decltype(shape)>(params, stream); }, NarrowScoreShapes());
  return status;
}

}  // namespace kernels
}  // namespace scorematch
