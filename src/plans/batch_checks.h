// The checks of a call's batch, shared by the plans: which rows of x the samples are, how many, what is drawn for them.
// Each @throws Error naming the field at fault.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>

#include "model/network.h"
#include "plans/call_checker.h"
#include "scorematch/batch.h"
#include "scorematch/estimate.h"

namespace scorematch {

/// @param what is to be drawn, for the message
void check_noise(CallChecker& call, const NoiseRef& noise, const std::string& what);

/// N, from whichever of x, rows and draw_rows says it; they must agree, and 1 <= N <= max_batch.
std::int64_t check_samples(CallChecker& call, const Batch& batch, int dim, std::int64_t max_batch);

/// N of a view that alone says it, x [N, dim] for example.
std::int64_t check_count(CallChecker& call, const char* name, const ConstView& view, int dim, std::int64_t max_batch);

/// Nothing is gathered or drawn. @param why it makes no sense
void check_no_rows(const Batch& batch, const std::string& why);

/// sigma and eps of a loss: what is needed is given or can be drawn, and nothing is given that is not used.
void check_sigma_and_eps(CallChecker& call, const Batch& batch, const Loss& loss, bool net_uses_sigma,
                         std::int64_t count, int dim);

void check_directions(CallChecker& call, const Batch& batch, const Needs& needs, std::int64_t count, int dim);

void check_true_score(CallChecker& call, const Batch& batch, const Needs& needs, std::int64_t count, int dim);

void check(const Reduction& reduction, bool gradient_wanted);

}  // namespace scorematch
