// Which jobs are run, by name.
#pragma once
#include <string>
#include <vector>

namespace scorematch::bench {

/// quick: a dozen rows, the first questions of a newcomer. full: every objective on every host engine. growth: along
/// one axis after the other, for the exponents of docs/results.
/// @throws Error for another name
std::vector<std::string> suite(const std::string& name);

}  // namespace scorematch::bench
