/// @file
/// Closed forms for noise levels: one level for plain denoising (docs/math.md, "The noise level"), and the techniques
/// for many levels of Song & Ermon 2020 (arXiv 2006.09011).
#pragma once

namespace scorematch::cli {

/// (V / (2 B n))^(1/6): the minimum of B sigma^4 + V / (n sigma^2).
double optimal_sigma(double variance, double bias, double samples);

/// Of neighboring levels with this ratio, in that many dimensions (technique 2):
/// Phi(sqrt(2 dim)(ratio - 1) + 3 ratio) - Phi(sqrt(2 dim)(ratio - 1) - 3 ratio).
double level_overlap(double ratio, double dim);

struct LevelRatio {
  double ratio;
  bool is_fallback;  // no ratio up to 2 has an overlap of 1/2, so it is 2, whose overlap is larger
};
/// The ratio with an overlap of 1/2. There is none up to 4 dimensions, and none below 2 up to 17.
LevelRatio level_ratio(double dim);
/// Levels from one to the other with at most this ratio.
int level_count(double sigma_min, double sigma_max, double ratio);

struct LangevinStep {
  double step;      // for noise sigma_min, in sigma_min's units squared
  double variance;  // ratio of the variance after a level's steps to what it should be; 1 would be exact
};
/// The step whose variance is nearest 1 after `steps` steps per level (technique 4).
LangevinStep langevin_step(double sigma_min, double ratio, int steps);

}  // namespace scorematch::cli
