// Which jobs are run, by name.
#pragma once
#include <string>
#include <vector>

namespace scorematch::bench {

/// quick: a dozen rows, of what a newcomer asks first. full: every objective on every host engine. growth: along one
/// axis after the other, with what docs/performance.md fits exponents to. @throws Error for another name
std::vector<std::string> suite(const std::string& name);

}  // namespace scorematch::bench
