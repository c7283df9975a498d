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
                    NarrowShape<20, 0, 32, 1, Activation::tanh>>;

}  // namespace kernels
}  // namespace scorematch
