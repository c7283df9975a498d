// The number of the seeded fault of this run: SCOREMATCH_FAULT, or none.
#include <cstdlib>

namespace simt {

extern int fault;
int fault = std::getenv("SCOREMATCH_FAULT") == nullptr ? 0 : std::atoi(std::getenv("SCOREMATCH_FAULT"));

}  // namespace simt
