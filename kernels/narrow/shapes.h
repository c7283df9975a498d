// The shapes for which the library has a narrow kernel. Each takes a few seconds to compile per architecture
// (kernels/README.md). A file narrow/loss_*.cu instantiates each of them.
#pragma once
#include "narrow/shape.cuh"

namespace scorematch {
namespace kernels {

template <class... Shapes>
struct NarrowShapeList {};

using NarrowShapes =
    NarrowShapeList<NarrowShape<64, 0, 64, 3, Activation::silu>, NarrowShape<64, 1, 64, 3, Activation::silu>,
                    NarrowShape<2, 0, 64, 3, Activation::silu>, NarrowShape<2, 1, 64, 3, Activation::silu>>;

}  // namespace kernels
}  // namespace scorematch
