// More shapes of narrow kernels than the library has: every activation, widths and depths at their limits, columns that
// are not padded, padded, and fewer than a group.
#pragma once
#include "narrow/shapes.h"

namespace scorematch {
namespace kernels {

using NarrowCases =
    NarrowShapeList<NarrowShape<64, 0, 64, 3, Activation::silu>, NarrowShape<2, 1, 64, 3, Activation::silu>,
                    NarrowShape<64, 16, 16, 1, Activation::tanh>, NarrowShape<33, 1, 32, 2, Activation::softplus>,
                    NarrowShape<1, 0, 48, 2, Activation::gelu>, NarrowShape<8, 8, 16, 3, Activation::silu>,
                    NarrowShape<20, 0, 32, 1, Activation::tanh>, NarrowShape<64, 1, 64, 3, Activation::silu, true>,
                    NarrowShape<6, 8, 16, 2, Activation::tanh, true>>;

/// The library's scores, and others in the same way.
using NarrowScoreCases =
    NarrowShapeList<NarrowScoreShape<16, 64, Activation::silu>, NarrowScoreShape<64, 64, Activation::silu>,
                    NarrowScoreShape<16, 96, Activation::silu>, NarrowScoreShape<16, 128, Activation::silu>,
                    NarrowScoreShape<32, 32, Activation::tanh>, NarrowScoreShape<48, 48, Activation::gelu>>;

/// Calls visit(Shape()) with a shape of a list.
template <class... Shapes, class Visit>
void visit_case(int which, const Visit& visit, NarrowShapeList<Shapes...>) {
  int i = 0;
  ((i++ == which ? visit(Shapes()) : void()), ...);
}
template <class... Shapes>
constexpr int count_of(NarrowShapeList<Shapes...>) {
  return static_cast<int>(sizeof...(Shapes));
}

}  // namespace kernels
}  // namespace scorematch
