#include "cuda/curand_draw_cases.h"

#include "scorematch/curand.h"

namespace scorematch::testing_support {

void draw_directions_by_curand(Queue& queue, curandGenerator_st* generator, Projection distribution,
                               const View& directions) {
  draw_directions(queue, generator, distribution, directions);
}

}  // namespace scorematch::testing_support
