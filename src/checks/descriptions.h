// The checks of descriptions: networks, objectives, options, states. Each @throws Error naming what is wrong.
#pragma once
#include <cstdint>
#include <vector>

#include "scorematch/adam.h"
#include "scorematch/engine.h"
#include "scorematch/mlp.h"
#include "scorematch/noise.h"
#include "scorematch/objective.h"

namespace scorematch {

void check_dim(int dim);
void check_max_batch(std::int64_t max_batch);
void check_projections(int projections);
/// Also that the distribution has so many directions.
void check_directions(int projections, Projection distribution, int dim);
void check_param_count(const char* name, std::int64_t count);
void check_learning_rate(double learning_rate);
/// A normal positive float32: a noise level, for example.
void check_positive_float(const char* name, double value);
/// Only the widths, from which layers() computes offsets.
void check_widths(const MlpShape& net);
void check(const MlpShape& net);
void check(const NoiseSchedule& schedule);
void check(const Parameterization& parameterization);
void check(const Conditioning& conditioning);
void check(const Context& context);
void check_dropout(double dropout, const Context& context);
void check(const Weighting& weighting, const Parameterization& parameterization);
void check(const Objective& objective, int dim);
void check(TraceEstimator estimator);
void check(const Compute& compute);
void check(const std::vector<ParamGroup>& groups);
/// All but whether the groups are within the parameters.
void check(const Adam::Options& options);
/// Whether the groups are within `count` parameters.
void check_within(const std::vector<ParamGroup>& groups, std::int64_t count);
/// @param count the number of parameters
void check(const Adam::Snapshot& snapshot, std::int64_t count);
void check(const NoiseState::Position& position);
void check_finite(const char* name, const std::vector<float>& values);

}  // namespace scorematch
