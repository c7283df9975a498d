// The contents of the C interface's handles, and conversions between its structs and those of the C++ API.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "c/guard.h"
#include "scorematch/batch.h"
#include "scorematch/checkpoint.h"
#include "scorematch/estimate.h"
#include "scorematch/noise.h"
#include "scorematch/objective.h"
#include "scorematch/own_network.h"
#include "scorematch/scorematch_c.h"

struct scorematch_engine {
  scorematch::Engine engine;
  std::string description = engine.description();
};

struct scorematch_queue {
  std::unique_ptr<scorematch::Queue> owned;  // null if borrowed for a call of the caller's function
  scorematch::Queue& queue;
};

struct scorematch_noise {
  scorematch::NoiseState state;
};

struct scorematch_net {
  scorematch::MlpShape net;
  std::string text;
  std::vector<scorematch::MlpShape::Layer> layers;
};

struct scorematch_adam_snapshot {
  scorematch::Adam::Snapshot snapshot;
  std::string options;
};

namespace scorematch::c {

scorematch_net net_handle(const MlpShape& net);
scorematch_adam_snapshot snapshot_handle(const Adam::Snapshot& snapshot);

ConstView input(const scorematch_view& view);
View output(const scorematch_view& view);
scorematch_view view_of(const View& view);
scorematch_view view_of(const ConstView& view);  // for callers that take no const
NoiseRef noise_of(const scorematch_noise_ref& ref);
Batch batch_of(const scorematch_batch& batch);
Estimate* estimate_of(scorematch_estimate* estimate);
/// @throws Error naming what is missing
OwnNetwork own_network_of(const scorematch_own_network* network);
/// @throws Error naming the key at fault
Loss loss_of(const char* text);
/// @param text may be NULL
Compute compute_of(const char* text);
Reduction reduction_of(const scorematch_reduction* reduction);
Adam::Progress progress_of(const scorematch_adam_progress& progress);
scorematch_adam_progress progress_of(const Adam::Progress& progress);
NoiseState::Position position_of(const scorematch_noise_position& position);
scorematch_noise_position position_of(const NoiseState::Position& position);

void write_report(const PlanReport& from, scorematch_plan_report* to);

/// @throws Error unless the caller's array has `wanted` elements
void check_count(const char* name, std::int64_t count, std::int64_t wanted);

}  // namespace scorematch::c
