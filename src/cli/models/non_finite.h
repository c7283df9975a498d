/// @file
/// Warnings of values that are no numbers.
#pragma once
#include <string>

#include "cli/report/report.h"
#include "formats/safetensors.h"

namespace scorematch::cli {

/// Warns of NaN and infinities in a case, by tensor. They may be intended, so the case is evaluated; but the
/// cause of a NaN in the result should not need a search.
void warn_of_non_finite(Report& report, const std::string& path, const SafetensorsFile& file);

}  // namespace scorematch::cli
