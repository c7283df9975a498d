// Stands in for mpi_ranks.cpp in builds without MPI.
#include "cli/ranks/ranks.h"
#include "scorematch/error.h"

namespace scorematch::cli {

std::unique_ptr<Ranks> join_mpi(const Launch& launch) {
  throw Error(ErrorCode::unsupported, launch.variable,
              launch.variable + ": expected 1, because this command was built without MPI, got " +
                  std::to_string(launch.size) +
                  ": every process would train the same model and write the same files; build the command with "
                  "-DSCOREMATCH_MPI=ON, or run it without a launcher");
}

std::string mpi_version() { return ""; }

}  // namespace scorematch::cli
