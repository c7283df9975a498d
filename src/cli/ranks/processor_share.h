/// @file
/// How many threads a rank should have, if ranks share the processors of a node.
#pragma once
#include <vector>

namespace scorematch::cli {

/// [processor], 1 if the affinity mask of this process has it, else 0; of as many as the system can have.
std::vector<int> own_processors();

/// The processors of `own`, each divided among the ranks that may use it, and at most this rank's part of the quota of
/// the control group. At least 1.
/// @param users [processor], how many ranks of the node may use it
int processor_share(const std::vector<int>& own, const std::vector<int>& users, int ranks_on_node);

}  // namespace scorematch::cli
