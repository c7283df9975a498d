// The eval format (docs/eval-format.md): one objective with every input given and nothing drawn, on any engine.
#pragma once
#include <string>

#include "formats/safetensors.h"
#include "scorematch/engine.h"

namespace scorematch::cli {

/// What the case's tensors and metadata ask for, as the format's output tensors: float64 from the reference engine,
/// else float32.
/// @param path for messages
/// @throws Error io for an invalid case; also what the plans throw
SafetensorsFile evaluate_case(const Engine& engine, const std::string& path, SafetensorsFile file);

}  // namespace scorematch::cli
