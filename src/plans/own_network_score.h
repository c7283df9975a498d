// The score of the caller's own network, and its divergence, for the plans that evaluate it.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "plans/hutch_plus_plus.h"
#include "samplers/working_arrays.h"
#include "scorematch/likelihood.h"
#include "scorematch/own_network.h"

namespace scorematch {

class OwnNetworkScore {
 public:
  /// For scores alone. @throws Error naming what is wrong with the network or the batch
  OwnNetworkScore(const Engine& engine, const OwnNetwork& net, std::int64_t max_batch);
  /// Also for the divergence: exact, or estimated along likelihood.projections directions.
  OwnNetworkScore(const Engine& engine, const OwnNetwork& net, std::int64_t max_batch, const Likelihood& likelihood);

  /// Of the arrays between the caller's function and the plan.
  std::size_t bytes() const;

  struct Call {
    ConstView x;      ///< [N, d], dense, of the working type
    ConstView sigma;  ///< [1], or empty without a level
    NoiseRef noise;   ///< draws the directions
    View score;       ///< [N, d], dense
    View divergence;  ///< [N], or empty
    Batch given{};    ///< its context or labels, and present
  };
  /// @param scratch bytes() of scratch memory @param inner the queue that is lent to the function
  void run(Queue& queue, char* scratch, Queue& inner, const Call& call) const;

 private:
  struct Group {  // of directions that go through the network together
    int first, count;
    std::unique_ptr<DirectionProgram> directions;
  };

  void add_divergence(Queue& queue, char* scratch, Queue& inner, const NoiseRef& noise, NetworkCall& evaluation,
                      OutputScore& result) const;
  void add_divergence_by_hutch(Queue& queue, char* scratch, Queue& inner, const NoiseRef& noise,
                               NetworkCall& evaluation, OutputScore& result) const;

  Engine engine_;
  OwnNetwork net_;
  std::unique_ptr<PerturbProgram> input_;
  std::vector<Group> groups_;
  std::unique_ptr<HutchPlusPlus> hutch_;  // in place of the groups
  double weight_ = 1;                     // of each direction
  // [N, d + features + context] and [N, d] of the network's type; working type
  WorkingArrays inputs_, outputs_, values_;
};

}  // namespace scorematch
