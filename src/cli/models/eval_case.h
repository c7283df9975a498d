// The eval format (docs/eval-format.md): one objective with every input given and nothing drawn, on any engine.
#pragma once
#include <string>

#include "cli/report/report.h"
#include "formats/safetensors.h"
#include "scorematch/engine.h"

namespace scorematch::cli {

/// What the case's tensors and metadata ask for, as the format's output tensors: float64 from the reference engine,
/// else float32.
/// @param path for messages
/// @throws Error io for an invalid case; also what the plans throw
SafetensorsFile evaluate_case(const Engine& engine, const std::string& path, SafetensorsFile file);

/// Warns of NaN and infinities in a case, by tensor. They may be intended, so the case is evaluated; but the
/// cause of a NaN in the result should not need a search.
void warn_of_non_finite(Report& report, const std::string& path, const SafetensorsFile& file);

}  // namespace scorematch::cli
