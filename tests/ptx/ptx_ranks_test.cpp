// `mpirun -n 2 scorematch train --engine cuda` on the emulator, with a stand-in for NCCL: gradients that are added on
// the devices give the model of those that are added by MPI, bit for bit.
#include <gtest/gtest.h>

#include "support/train_command.h"

namespace scorematch::testing_support {
namespace {

class PtxRanks : public CommandTrain {
 protected:
  PtxRanks() {
    // Each rank emulates a device of its own with DEVICES=several. The second rank of two has what FAILS says.
    write_file(path("rank.sh"), R"(rank=$OMPI_COMM_WORLD_RANK$PMI_RANK
export TMPDIR=$PWD
if [ "$1" = several ]; then export SCOREMATCH_PTX_DEVICE=$rank; fi
if [ "$rank" = 1 ] && [ "$2" != none ]; then export SCOREMATCH_NCCL_FAILS="$2"; fi
shift 2
exec )" SCOREMATCH_RANK R"( "$@"
)");
  }
  /// A batch of 3, so that the ranks have different parts.
  Finished train_on(int ranks, const std::string& devices, const std::string& fails, const std::string& output,
                    const Arguments& more = {}) {
    Arguments all = {SCOREMATCH_RANKS, std::to_string(ranks), "sh", "rank.sh", devices, fails};
    const Arguments command = {"train",   "data.npy", "-o",        output, "--hidden",     "8", "--batch",  "3",
                               "--steps", "3",        "--samples", "0",    "--validation", "0", "--engine", "cuda"};
    all.insert(all.end(), command.begin(), command.end());
    all.insert(all.end(), more.begin(), more.end());
    return run(all);
  }
};

TEST_F(PtxRanks, AddGradientsOnTheirDevicesWithTheSameBits) {
  const Finished by_nccl = train_on(2, "several", "none", "nccl", {"--gradients-by", "nccl"}),
                 by_mpi = train_on(2, "one", "none", "mpi");
  ASSERT_EQ(by_nccl.exit_code, 0) << by_nccl.err;
  ASSERT_EQ(by_mpi.exit_code, 0) << by_mpi.err;
  EXPECT_TRUE(contains(by_nccl.out, ", gradients added by NCCL 2.99.0\nnetwork")) << by_nccl.out;
  EXPECT_TRUE(contains(by_mpi.out, ", gradients added by MPI\n")) << by_mpi.out;
  EXPECT_TRUE(contains(by_mpi.out, "not by NCCL: ranks 0 and 1 share a device\n")) << by_mpi.out;
  EXPECT_TRUE(read_file(path("nccl/model.safetensors")) == read_file(path("mpi/model.safetensors")));
}

TEST_F(PtxRanks, EndTogetherWhenNcclFails) {
  const Finished failed = train_on(2, "several", "ncclRecv:3", "out");
  EXPECT_NE(failed.exit_code, 0);
  EXPECT_TRUE(contains(failed.err,
                       "rank 1: adding over the ranks by NCCL: expected success, got unhandled system error (run with "
                       "NCCL_DEBUG=INFO for details) (ncclRecv was made to fail)"))
      << failed.err;
  EXPECT_EQ(failed.out, "");
  const Finished refused = train_on(2, "one", "none", "out", {"--gradients-by", "nccl"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_TRUE(contains(refused.err,
                       "--gradients-by: expected auto or mpi, because ranks 0 and 1 share a device, got "
                       "nccl"))
      << refused.err;
}

}  // namespace
}  // namespace scorematch::testing_support
