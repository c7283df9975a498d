#include "samplers/noise_levels.h"

#include <cmath>

#include "checks/argument.h"
#include "checks/descriptions.h"
#include "model/network.h"

namespace scorematch {

void check_level_range(double sigma_max, double sigma_min, const std::string& owner) {
  check_positive_float((owner + ".sigma_min").c_str(), sigma_min);
  check_positive_float((owner + ".sigma_max").c_str(), sigma_max);
  if (!(sigma_max >= kSmallestRange * sigma_min))
    throw_invalid(owner + ".sigma_max",
                  "at least twice sigma_min " + describe(sigma_min) +
                      ", to span a range of noise levels (Langevin samples at a single level)",
                  describe(sigma_max));
}

void check_follows_levels(const MlpShape& net) {
  if (!uses_sigma(net.parameterization, net.conditioning))
    throw_invalid("net",
                  "a network that uses sigma, as its score is needed at noise levels from sigma_max to sigma_min "
                  "(Langevin samples at a single level)",
                  "one that ignores it");
}

double prior_variance(double sigma_max, double prior_deviation, const std::string& owner) {
  if (prior_deviation != 0) check_positive_float((owner + ".prior_deviation").c_str(), prior_deviation);
  return sigma_max * sigma_max + prior_deviation * prior_deviation;
}

std::vector<double> geometric_levels(double sigma_max, double sigma_min, int levels, const std::string& owner) {
  check_level_range(sigma_max, sigma_min, owner);
  if (levels < 2 || levels > (1 << 24)) throw_invalid(owner + ".levels", "between 2 and 2^24", std::to_string(levels));
  std::vector<double> sigmas;
  for (int i = 0; i < levels; ++i) {
    const double t = static_cast<double>(i) / (levels - 1);
    sigmas.push_back(sigma_max * std::pow(sigma_min / sigma_max, t));
  }
  return sigmas;
}

std::vector<double> karras_levels(double sigma_max, double sigma_min, int count, double rho, const std::string& owner) {
  if (count < 1 || count > (1 << 24)) throw_invalid(owner + ".steps", "between 1 and 2^24", std::to_string(count));
  if (!(rho > 0) || !std::isfinite(rho)) throw_invalid(owner + ".rho", "a finite value > 0", describe(rho));
  check_level_range(sigma_max, sigma_min, owner);
  const double high = std::pow(sigma_max, 1 / rho), low = std::pow(sigma_min, 1 / rho);
  std::vector<double> sigmas;
  for (int i = 0; i < count; ++i) {
    const double t = count > 1 ? static_cast<double>(i) / (count - 1) : 0;
    sigmas.push_back(std::pow(high + t * (low - high), rho));
    if (!(sigmas.back() > 0) || !std::isfinite(sigmas.back()))
      throw_invalid(owner + ".rho", "a value that gives finite noise levels > 0",
                    describe(rho) + ", which gives " + describe(sigmas.back()));
  }
  return sigmas;
}

LevelTable::LevelTable(const Engine& engine, const std::vector<double>& sigmas) {
  if (sigmas.empty()) return;
  if (engine.impl()->floats == Floats::f32_or_f64)
    doubles_ = engine.upload(sigmas);
  else
    floats_ = engine.upload(std::vector<float>(sigmas.begin(), sigmas.end()));
}

ConstView LevelTable::operator[](std::int64_t index) const {
  if (doubles_.size() > 0) return {doubles_.data() + index, 1};
  if (floats_.size() > 0) return {floats_.data() + index, 1};
  return {};
}

}  // namespace scorematch
