#include <algorithm>
#include <cstdint>

#include "all_reduce.h"

namespace {

class MpiAllReduce : public AllReduce {
 public:
  explicit MpiAllReduce(MPI_Comm ranks) : ranks_(ranks) {}

  void run(scorematch::Queue&, const scorematch::Buffer<float>& mine, scorematch::Buffer<float>& sum) const override {
    constexpr std::int64_t kMost = std::int64_t{1} << 30;  // MPI counts in int
    for (std::int64_t begin = 0; begin < mine.size(); begin += kMost)
      MPI_Allreduce(mine.data() + begin, sum.data() + begin, static_cast<int>(std::min(kMost, mine.size() - begin)),
                    MPI_FLOAT, MPI_SUM, ranks_);
  }

 private:
  MPI_Comm ranks_;
};

}  // namespace

std::unique_ptr<AllReduce> make_mpi_all_reduce(MPI_Comm ranks) { return std::make_unique<MpiAllReduce>(ranks); }
