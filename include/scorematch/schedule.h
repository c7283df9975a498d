/// @file
/// Laws of the noise level sigma. One is drawn per sample; sigma is in the units of the data; x_tilde = x + sigma eps
/// (alpha x + sigma eps with alpha = 1 for every law below; a variance-preserving law would bring its own alpha).
/// A law is a struct in the variant below. Adding one adds a struct: no signature changes.
#pragma once
#include <variant>

namespace scorematch {
namespace schedule {

struct None {};  ///< no noise: the objective is evaluated at x itself
struct Single {
  double sigma = 1.0;  ///< > 0
};
/// From sigma_max down to sigma_min: `levels` of them in geometric progression (Song & Ermon 2019, section 4.2);
/// 0: log-uniform in between.
struct Geometric {
  double sigma_min = 0.01;
  double sigma_max = 50.0;
  int levels = 0;
};
/// ln sigma ~ N(mean, deviation^2) (Karras et al. 2022, table 1).
struct LogNormal {
  double mean = -1.2;
  double deviation = 1.2;
};

}  // namespace schedule

using NoiseSchedule = std::variant<schedule::None, schedule::Single, schedule::Geometric, schedule::LogNormal>;

}  // namespace scorematch
