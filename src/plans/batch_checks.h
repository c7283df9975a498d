// The checks of a call's batch, shared by the plans: which rows of x are the samples, how many there are, and what is
// drawn for them. Each @throws Error naming the field at fault.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>

#include "model/network.h"
#include "plans/call_checker.h"
#include "scorematch/batch.h"
#include "scorematch/estimate.h"

namespace scorematch {

/// @param what what will be drawn, for the message
void check_noise(CallChecker& call, const NoiseRef& noise, const std::string& what);

/// N from draw_rows, rows or x, the first of them that is given. 1 <= N <= max_batch.
std::int64_t check_samples(CallChecker& call, const Batch& batch, int dim, std::int64_t max_batch);

/// N of one view [N, dim], x for example.
std::int64_t check_count(CallChecker& call, const char* name, const ConstView& view, int dim, std::int64_t max_batch);

/// Neither rows nor draw_rows is given. @param why the reason, for the message
void check_no_rows(const Batch& batch, const std::string& why);

/// sigma and eps of a loss: each is given or can be drawn if it is used, and absent otherwise.
void check_sigma_and_eps(CallChecker& call, const Batch& batch, const Loss& loss, bool net_uses_sigma,
                         std::int64_t count, int dim);

void check_directions(CallChecker& call, const Batch& batch, const Needs& needs, std::int64_t count, int dim);

void check_direction_losses(CallChecker& call, const View& losses, const Needs& needs, std::int64_t count);

void check_true_score(CallChecker& call, const Batch& batch, const Needs& needs, std::int64_t count, int dim);

/// context or labels, and present. @param rows of the data: R with rows or draw_rows, else N @param dropout of the loss
void check_context(CallChecker& call, const Batch& batch, const Context& context, std::int64_t rows,
                   double dropout = 0);
/// Neither context nor labels nor present is given.
void check_no_context(const Batch& batch, const std::string& why);

void check(const Reduction& reduction, bool gradient_wanted);

}  // namespace scorematch
