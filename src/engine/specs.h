// The descriptions from which plans make programs. Plain data.
#pragma once
#include <cstdint>

#include "scorematch/engine.h"
#include "scorematch/mlp.h"
#include "scorematch/objective.h"

namespace scorematch {

struct LossSpec {
  MlpShape net;
  Loss loss;
  std::int64_t max_batch = 0;
  Compute compute;
};

struct ScoreSpec {
  MlpShape net;
  std::int64_t max_batch = 0;
  int projections = 0;
  Projection distribution = Projection::rademacher;
  Compute compute;
};

struct PerturbSpec {
  int dim = 0;
  NoiseSchedule schedule;
  std::int64_t max_batch = 0;
  Parameterization parameterization;
  Conditioning conditioning;
  bool perturbed = true;  // false: x_tilde = x, and no noise is needed
  Context context{};
  double context_dropout = 0;
};

struct DirectionSpec {
  int dim = 0;
  int projections = 0;
  Projection distribution = Projection::rademacher;
  std::int64_t max_batch = 0;
  int first = 0;              // of the directions of a sample
  bool unit_vectors = false;  // in place of random ones
};

struct HeadSpec {
  int dim = 0;
  Loss loss;
  std::int64_t max_batch = 0;
  Parameterization parameterization;
};

}  // namespace scorematch
