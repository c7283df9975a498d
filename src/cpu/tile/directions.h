// The directions of a tile's samples.
#pragma once
#include <cstdint>

#include "cpu/simd/noise.h"
#include "scorematch/choices.h"

namespace scorematch::cpu {

/// Draws direction `draw.direction` [rows, dim] from the distribution. Rows are at most kMaxTileRows. `orthogonal`
/// takes a row of memory from the heap, and draws all directions before this one again.
void fill_direction(const Draw& draw, Projection distribution, int rows, int dim, float* to, std::int64_t stride);

/// Writes e_i to each row. @param to [rows, stride]
void fill_unit_direction(int i, int rows, float* to, int stride);

}  // namespace scorematch::cpu
