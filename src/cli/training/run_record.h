/// @file
/// What a checkpoint has of its run, besides the state of training: the options and the data that determine its
/// numbers. Metadata of the caller's, train.OPTION and train.data.
#pragma once
#include <string>
#include <vector>

#include "cli/data/table.h"
#include "cli/training/train_options.h"
#include "scorematch/checkpoint.h"

namespace scorematch::cli {

/// In the metadata of a run that was interrupted in the evaluation after its last step.
inline const char* const kEvaluationPending = "train.evaluation_pending";

/// "1797 x 64, 0123456789abcdef": the shape and a hash (FNV-1a, 64 bits) of the values, as float32 if that holds all of
/// them and else as float64. So the same numbers are the same data in any kind of file.
std::string identify(const Table& data);
/// The same of parameters or other numbers: "4482 values, 0123456789abcdef".
std::string identify(const std::vector<float>& values);

void write_run(const TrainOptions& options, const std::string& data, std::map<std::string, std::string>& metadata);

/// The checkpoint of a run, or the one in its folder.
/// @throws Error io
Checkpoint load_run(const std::string& path);

/// Takes over the options of that run (TrainOptions::take_over) and checks that everything fits together.
/// @param data what identify() returns for the given data
/// @throws Error naming the option and both values, io if the checkpoint does not belong to a run
void take_over(const Checkpoint& run, const std::string& data, int dim, TrainOptions& options);

}  // namespace scorematch::cli
