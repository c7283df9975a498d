// The lists of jobs to run, by name.
#pragma once
#include <string>
#include <vector>

namespace scorematch::bench {

/// quick: a dozen rows that a newcomer would ask for first. full: every objective on every host engine. growth: along
/// one axis after another, the points that docs/performance.md fits exponents to. @throws Error for any other name
std::vector<std::string> suite(const std::string& name);

}  // namespace scorematch::bench
