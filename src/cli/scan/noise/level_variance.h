/// @file
/// The variance of the gradient at one noise level, for several estimators of the same score.
#pragma once
#include <cstdint>
#include <vector>

#include "cli/report/phrase.h"
#include "cli/scan/scan_files.h"
#include "cli/scan/subject.h"
#include "scorematch/gradient_variance.h"

namespace scorematch::cli {

struct Estimator {
  const char* name;
  Objective objective;
};
/// Plain denoising, its two forms of finite variance, and ssm_vr with one Gaussian direction, to which those tend.
const std::vector<Estimator>& estimators();

struct LevelVariance {
  double sigma = 0, constant = 0;        // d/(2 sigma^2): of plain denoising's value, whatever the parameters
  std::vector<GradientMoments> moments;  // of estimators(), without weights
};

/// @param work in units of the default, as ScanOptions::work()
LevelVariance measure_level(const Subject& subject, double sigma, double work, std::uint64_t seed);

/// With an item of the list "levels".
Phrase describe_level(const LevelVariance& level);
ScanTable table_of(const std::vector<LevelVariance>& levels);

}  // namespace scorematch::cli
