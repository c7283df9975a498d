// Finds the narrow kernel of a net.
#include "narrow/loss_of.h"
#include "narrow/narrow_launchers.h"
#include "narrow/shapes.h"

namespace scorematch {
namespace kernels {
namespace {

template <class Shape>
bool is_shape_of(const FusedNet& net, NarrowTerms terms) {
  if (Shape::any_terms != (terms == NarrowTerms::any)) return false;
  if (net.activation != Shape::activation || net.hidden != Shape::depth) return false;
  for (int l = 0; l <= net.hidden; ++l) {
    const FusedLayer& layer = net.layers[l];
    const int fewer = l == 0 && Shape::any_terms ? Shape::features : 0;  // features that may be missing
    if (layer.residual || layer.place.in > Shape::in(l) || layer.place.in < Shape::in(l)-fewer ||
        layer.place.out != Shape::out(l))
      return false;
  }
  return true;
}

/// Calls visit(Shape()) with the shape of the net. @return whether there is one
template <class Visit, class... Shapes>
bool visit_shape(const FusedNet& net, NarrowTerms terms, const Visit& visit, NarrowShapeList<Shapes...>) {
  return ((is_shape_of<Shapes>(net, terms) && (visit(Shapes()), true)) || ...);
}

NarrowTerms terms_of(const FusedLossParams& p) {
  return p.term_count == 1 && p.terms[0].complete_square ? NarrowTerms::complete_square : NarrowTerms::any;
}

}  // namespace

bool has_narrow_kernel(const FusedNet& net, NarrowTerms terms) {
  return visit_shape(
      net, terms, [](auto) {}, NarrowShapes());
}

std::size_t narrow_shared_bytes(const FusedNet& net, NarrowTerms terms) {
  std::size_t bytes = 0;
  visit_shape(
      net, terms, [&](auto shape) { bytes = narrow_shared_bytes_of<decltype(shape)>(); }, NarrowShapes());
  return bytes;
}

int launch_narrow_loss(const FusedLossParams& params, CUstream_st* stream) {
  int status = 1;  // cudaErrorInvalidValue, if there is no such kernel
  visit_shape(
      params.net, terms_of(params),
      [&](auto shape) { status = launch_narrow_loss_of<decltype(shape)>(params, stream); }, NarrowShapes());
  return status;
}

}  // namespace kernels
}  // namespace scorematch
