#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "all_reduce.h"
#include "scorematch/error.h"
#include "scorematch/rank_sum.h"

namespace sm = scorematch;

namespace {

int rank_in(MPI_Comm ranks) {
  int rank = 0;
  MPI_Comm_rank(ranks, &rank);
  return rank;
}
int count_of(MPI_Comm ranks) {
  int count = 0;
  MPI_Comm_size(ranks, &count);
  return count;
}

class GpuAllReduce : public AllReduce {
 public:
  GpuAllReduce(MPI_Comm ranks, const sm::Engine& engine, std::int64_t count) : sum_(engine, count_of(ranks), count) {
    refuse_shared_devices(ranks);
    sm::RankSum::Id id{};
    if (rank_in(ranks) == 0) id = sum_.make_id();
    MPI_Bcast(id.data(), static_cast<int>(id.size()), MPI_CHAR, 0, ranks);
    sum_.join(rank_in(ranks), id);
  }

  std::size_t workspace_bytes() const override { return sum_.workspace_bytes(); }
  void run(sm::Queue& queue, const sm::Buffer<float>& mine, sm::Buffer<float>& sum) const override {
    sum_.run(queue, mine, sum);
  }

 private:
  void refuse_shared_devices(MPI_Comm ranks) const {
    const std::string mine = sum_.device();
    std::string all(mine.size() * static_cast<std::size_t>(count_of(ranks)), ' ');
    const int size = static_cast<int>(mine.size());
    MPI_Allgather(mine.data(), size, MPI_CHAR, all.data(), size, MPI_CHAR, ranks);
    std::vector<std::string> devices;
    for (std::size_t at = 0; at < all.size(); at += mine.size()) devices.push_back(all.substr(at, mine.size()));
    if (std::count(devices.begin(), devices.end(), mine) > 1)
      throw sm::Error(sm::ErrorCode::unsupported, "ranks", "ranks: expected one per GPU, got several on one");
  }

  sm::RankSum sum_;
};

}  // namespace

std::unique_ptr<AllReduce> make_gpu_all_reduce(MPI_Comm ranks, const sm::Engine& engine, std::int64_t count) {
  return std::make_unique<GpuAllReduce>(ranks, engine, count);
}
