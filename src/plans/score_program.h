// Makes the engine's program that evaluates a network's scores, for the plans that hold one.
#pragma once
#include <memory>

#include "engine/backend.h"

namespace scorematch {

/// @throws Error for an invalid network, size or arithmetic
std::unique_ptr<ScoreProgram> make_score_program(const Engine& engine, const ScoreSpec& spec);

}  // namespace scorematch
