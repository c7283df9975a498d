// lambda(sigma), in double. The reference and the kernels have their own.
#pragma once
#include <algorithm>

#include "scorematch/choices.h"

namespace scorematch {

inline double weight_at(const Weighting& weighting, double sigma) {
  const double square = sigma * sigma;
  switch (weighting.kind) {
    case Weighting::Kind::none:
      break;
    case Weighting::Kind::sigma2:
      return square;
    case Weighting::Kind::edm: {
      const double data = weighting.sigma_data;
      return square * (square + data * data) / (data * data);
    }
    case Weighting::Kind::v_prediction:
      return square * (1 + square);
    case Weighting::Kind::data_prediction:
      return square * square;
    case Weighting::Kind::velocity:
      return square * (1 + sigma) * (1 + sigma);
    case Weighting::Kind::min_snr:
      return square * std::min(1.0, weighting.gamma * square);
    case Weighting::Kind::truncated_snr:
      return square * std::max(1.0, square);
  }
  return 1;
}

}  // namespace scorematch
