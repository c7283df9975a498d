/// @file
/// What a launcher of several processes, such as mpirun or srun, says to each of them by variables of the environment.
#pragma once
#include <string>

namespace scorematch::cli {

struct Launch {
  int rank = 0, size = 1;  // of this process; how many there are
  std::string variable;    // that has the size; empty: no launcher, or one process
};

/// Of Open MPI, MPICH and those based on it, MVAPICH2, and Slurm's srun.
Launch launch_of_environment();

}  // namespace scorematch::cli
