// The shapes for which the library has narrow kernels. Each takes a few seconds to compile per architecture
// (kernels/README.md). A file narrow/loss_*.cu or narrow/score_*.cu instantiates each of them.
#pragma once
#include "narrow/score_shape.cuh"
#include "narrow/shape.cuh"

namespace scorematch {
namespace kernels {

template <class... Shapes>
struct NarrowShapeList {};

using NarrowShapes =
    NarrowShapeList<NarrowShape<64, 0, 64, 3, Activation::silu>, NarrowShape<64, 1, 64, 3, Activation::silu>,
                    NarrowShape<2, 0, 64, 3, Activation::silu>, NarrowShape<2, 1, 64, 3, Activation::silu>,
                    NarrowShape<64, 1, 64, 3, Activation::silu, true>,
                    NarrowShape<2, 1, 64, 3, Activation::silu, true>>;

/// The first shape that a net can be padded to is taken.
using NarrowScoreShapes =
    NarrowShapeList<NarrowScoreShape<16, 64, Activation::silu>, NarrowScoreShape<64, 64, Activation::silu>,
                    NarrowScoreShape<16, 96, Activation::silu>, NarrowScoreShape<16, 128, Activation::silu>>;

}  // namespace kernels
}  // namespace scorematch
