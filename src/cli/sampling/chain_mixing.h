/// @file
/// Whether Markov chains have forgotten where they began: the correlation, over the chains, of their positions
/// halfway with those at the end. Relaxation by e^-1 in tau steps leaves the correlation e^(-n / (2 tau)) after n/2
/// steps.
#pragma once
#include <cstdint>
#include <vector>

#include "cli/report/phrase.h"

namespace scorematch::cli {

class ChainMixing {
 public:
  explicit ChainMixing(std::int64_t dim) : sums_(static_cast<std::size_t>(dim)) {}

  /// Adds chains. @param halfway, end [N, dim], row by row
  void add(const std::vector<float>& halfway, const std::vector<float>& end);

  /// The largest correlation of a coordinate: the slowest one decides.
  double correlation() const;
  /// The least number of relaxation times that the chains ran for, because chance alone correlates few chains.
  double relaxation_times() const;
  /// Whether the correlation of a coordinate is above e^-1 by more than chance: fewer than two relaxation times.
  bool is_stuck() const;
  /// "4.1 relaxation times (coordinates halfway and at the end correlate by at most 0.12)", with the facts
  /// mixing.relaxation_times, .correlation and .is_stuck.
  Phrase describe() const;

 private:
  struct Sums {  // about the first chain, so that little precision is lost if the mean is large
    double first_a = 0, first_b = 0;
    double a = 0, b = 0, aa = 0, bb = 0, ab = 0;
  };
  double correlation(const Sums& sums) const;

  std::vector<Sums> sums_;
  std::int64_t chains_ = 0;
};

}  // namespace scorematch::cli
