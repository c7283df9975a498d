// Data-parallel training: every rank has the network and all of the data, and takes its part of every batch. A sample's
// row, noise level and noise are functions of its position in the whole batch, so a rank only has to know where its
// part begins. The result does not depend on the number of ranks, up to the rounding of sums.
#pragma once
#include <mpi.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "all_reduce.h"
#include "scorematch/adam.h"
#include "scorematch/loss.h"

namespace sm = scorematch;

inline int rank_in(MPI_Comm ranks) {
  int rank = 0;
  MPI_Comm_rank(ranks, &rank);
  return rank;
}
inline int count_of(MPI_Comm ranks) {
  int count = 0;
  MPI_Comm_size(ranks, &count);
  return count;
}

/// The samples of a batch that belong to a rank. The last ranks have none if there are more ranks than samples.
struct Share {
  std::int64_t begin = 0, count = 0;

  static Share of(std::int64_t batch, MPI_Comm ranks) {
    const std::int64_t rank = rank_in(ranks), each = batch / count_of(ranks), left = batch % count_of(ranks);
    return {rank * each + std::min(rank, left), each + (rank < left ? 1 : 0)};
  }
};

/// The training problem; the same on every rank.
struct Training {
  sm::MlpShape net;
  sm::Loss loss;
  std::int64_t batch = 0;   ///< samples per step, over all ranks
  std::vector<float> data;  ///< [R, d]
  sm::Adam::Options adam{};
  std::uint64_t seed = 0;
};

/// One rank's part of the training. If one rank calls a member, every rank must call it.
class DataParallel {
 public:
  DataParallel(const sm::Engine& engine, const Training& training, MPI_Comm ranks,
               std::unique_ptr<AllReduce> all_reduce)
      : ranks_(ranks),
        all_reduce_(std::move(all_reduce)),
        batch_(training.batch),
        share_(Share::of(training.batch, ranks)),
        plan_(engine, training.net, training.loss, std::max<std::int64_t>(share_.count, 1)),
        queue_(engine, std::max(plan_.workspace_bytes(), all_reduce_->workspace_bytes())),
        data_(engine.upload(training.data,
                            {static_cast<std::int64_t>(training.data.size()) / training.net.dim, training.net.dim})),
        params_(engine.upload(training.net.initial_params(training.seed))),
        grad_(engine.allocate<float>(training.net.param_count())),
        sum_(engine.allocate<float>(training.net.param_count())),
        loss_(engine.allocate<sm::Estimate>()),
        noise_(engine, training.seed),
        adam_(engine, training.net.param_count(), training.adam) {}

  void step() {
    if (share_.count > 0) {  // otherwise, grad_ and loss_ remain zero
      sm::Batch mine{data_, noise_.from(share_.begin)};
      mine.draw_rows = share_.count;
      sm::Reduction part;
      part.normaliser = batch_;
      plan_.run(queue_, {params_, mine}, {loss_.data(), grad_}, part);
    }
    all_reduce_->run(queue_, grad_, sum_);
    adam_.step(queue_, params_, sum_);
    noise_.advance(queue_);
  }

  /// The loss of the whole batch of the last step; the same on every rank.
  sm::Estimate loss() {
    const sm::Estimate mine = queue_.read_one(loss_);
    std::vector<sm::Estimate> each(static_cast<std::size_t>(count_of(ranks_)));
    MPI_Allgather(&mine, 3, MPI_DOUBLE, each.data(), 3, MPI_DOUBLE, ranks_);
    sm::Estimate whole = each[0];
    for (std::size_t rank = 1; rank < each.size(); ++rank) whole = whole.merged(each[rank]);
    return whole;
  }

  /// Whether the parameters of all ranks are bit-identical, by their hash (FNV-1a).
  bool in_step() {
    std::uint64_t hash = 0xcbf29ce484222325u, least = 0, most = 0;
    const std::vector<float> params = queue_.read(params_);
    const auto* bytes = reinterpret_cast<const unsigned char*>(params.data());
    for (std::size_t i = 0; i < params.size() * sizeof(float); ++i) hash = (hash ^ bytes[i]) * 0x100000001b3u;
    MPI_Allreduce(&hash, &least, 1, MPI_UINT64_T, MPI_MIN, ranks_);
    MPI_Allreduce(&hash, &most, 1, MPI_UINT64_T, MPI_MAX, ranks_);
    return least == most;
  }

  std::vector<float> params() { return queue_.read(params_); }
  /// The gradient of the whole batch.
  std::vector<float> gradient() { return queue_.read(sum_); }

 private:
  MPI_Comm ranks_;
  std::unique_ptr<AllReduce> all_reduce_;
  std::int64_t batch_;
  Share share_;
  sm::LossPlan plan_;
  sm::Queue queue_;
  sm::Buffer<float> data_, params_, grad_, sum_;
  sm::Buffer<sm::Estimate> loss_;
  sm::NoiseState noise_;
  sm::Adam adam_;
};
