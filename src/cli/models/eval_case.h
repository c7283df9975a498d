// The eval format (docs/eval-format.md): one objective with everything given and nothing drawn, on any engine.
#pragma once
#include <string>

#include "formats/safetensors.h"
#include "scorematch/engine.h"

namespace scorematch::cli {

/// What the case's tensors and metadata ask for, as the format's output tensors: float64 from the reference engine,
/// else float32.
/// @param path for messages @throws Error io for a case that is not one, else what the plans throw
SafetensorsFile evaluate_case(const Engine& engine, const std::string& path, SafetensorsFile file);

/// Tells of NaN and infinities in a case on stderr, by tensor. They may be meant, so the case is evaluated; but a
/// result of NaN should not need a search.
void warn_of_non_finite(const std::string& path, const SafetensorsFile& file);

}  // namespace scorematch::cli
