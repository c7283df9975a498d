// draw_directions() of scorematch/curand.h, which only nvcc compiles.
#pragma once
#include "scorematch/choices.h"
#include "scorematch/queue.h"

struct curandGenerator_st;

namespace scorematch::testing_support {

void draw_directions_by_curand(Queue& queue, curandGenerator_st* generator, Projection distribution,
                               const View& directions);

}  // namespace scorematch::testing_support
