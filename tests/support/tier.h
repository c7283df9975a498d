// The size of a random test, which is an eighth in the tier quick.
#pragma once
#include <cstdlib>

namespace scorematch::testing_support {

inline int problems_of_tier(int full) { return std::getenv("SCOREMATCH_QUICK") == nullptr ? full : full / 8; }

}  // namespace scorematch::testing_support
