/// @file
/// RankSum: the sum of an array over several processes with a GPU each, by NCCL, without the host's memory.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "scorematch/queue.h"

namespace scorematch {

/// sum[i] = mine_0[i] + mine_1[i] + ..., added in double in the order of the ranks and rounded once. So the sum is
/// bit-identical on every rank and in every run, whatever the connections are, which NCCL's own sums do not promise.
///
/// Each rank adds one part of the array: it receives that part from every rank, adds, and sends the sum to all. That is
/// 8 count (R - 1) / R bytes in and as many out per rank, as for an all-reduce by rings.
///
///     RankSum grads(engine, ranks, net.param_count());    // on every rank
///     // exchange grads.device(): two ranks must not have one device
///     // send grads.make_id() from rank 0 to all, by MPI for example
///     grads.join(rank, id);
///     grads.run(queue, grad, grad);
///
/// NCCL is opened when a RankSum is made, as the shared library libnccl.so.2. One thread at a time may use a RankSum.
/// The copies of one are the same.
class SCOREMATCH_API RankSum {
 public:
  /// How the ranks find each other: NCCL's unique id.
  using Id = std::array<char, 128>;

  /// @param ranks how many processes take part, at least 1 @param count of elements, 1 to 2^40
  /// @throws Error unsupported unless it is a cuda engine; device_unavailable, with the remedy, if NCCL is not found
  RankSum(const Engine& engine, int ranks, std::int64_t count);
  RankSum(const RankSum&) = default;  // a move copies
  RankSum& operator=(const RankSum&) = default;

  /// The UUID of the engine's device, the same in every process: 32 hexadecimal digits.
  std::string device() const;
  /// A new group, for one of the ranks.
  Id make_id() const;
  /// Waits until every rank has called it with the same id. Once. @param rank 0 to ranks - 1, another on every rank
  /// @throws Error invalid_argument; device_fault with what NCCL says
  void join(int rank, const Id& id);

  std::size_t workspace_bytes() const;  ///< about 4 count bytes
  /// Enqueues the sum. Every rank must call it in the same order. If it throws on one rank, the others wait for ever:
  /// end them.
  /// @param mine [count] float32 @param sum [count] float32; may be `mine`, else they must not overlap
  /// @throws Error invalid_argument, also before join(); device_fault with what NCCL says
  void run(Queue& queue, ConstView mine, View sum) const;

  std::string description() const;  ///< "NCCL 2.28.3"

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace scorematch
