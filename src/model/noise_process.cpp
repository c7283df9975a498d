#include "model/noise_process.h"

#include <cmath>

#include "scorematch/noise_table.h"

namespace scorematch {
namespace {

constexpr double kHalfPi = 1.57079632679489661923;

/// The integral of the linear beta from 0 to t.
double integral(const NoiseSchedule& schedule, double t) {
  return t * (schedule.beta_min + t * (schedule.beta_max - schedule.beta_min) / 2);
}

/// ln(1 - beta) of step i from 1.
double log_kept(const NoiseSchedule& schedule, int i) {
  const double fraction = schedule.levels == 1 ? 0 : static_cast<double>(i - 1) / (schedule.levels - 1);
  return std::log1p(-(schedule.beta_min + fraction * (schedule.beta_max - schedule.beta_min)));
}

/// sigma of alpha^2 = e^log_alpha2.
double sigma_of(double log_alpha2) { return std::sqrt(std::expm1(-log_alpha2)); }

/// alpha = cos(angle) / cos(start), with angle - start = t pi / (2 (1 + s)); as a product, because beta^2 = 1 - alpha^2
/// would cancel.
double cosine_sigma(double t) {
  const double start = kHalfPi * kCosineOffset / (1 + kCosineOffset), turn = kHalfPi * t / (1 + kCosineOffset);
  return std::sqrt(std::sin(turn) * std::sin(turn + 2 * start)) / std::cos(turn + start);
}

}  // namespace

bool has_table(NoiseSchedule::Kind schedule) {
  switch (schedule) {
    case NoiseSchedule::Kind::none:
    case NoiseSchedule::Kind::single:
    case NoiseSchedule::Kind::geometric:
    case NoiseSchedule::Kind::log_normal:
      break;
    case NoiseSchedule::Kind::vp:
    case NoiseSchedule::Kind::sub_vp:
    case NoiseSchedule::Kind::cosine:
    case NoiseSchedule::Kind::rectified_flow:
    case NoiseSchedule::Kind::ddpm:
      return true;
  }
  return false;
}

double sigma_at(const NoiseSchedule& schedule, double t) {
  switch (schedule.kind) {
    case NoiseSchedule::Kind::none:
    case NoiseSchedule::Kind::single:
    case NoiseSchedule::Kind::geometric:
    case NoiseSchedule::Kind::log_normal:
      break;
    case NoiseSchedule::Kind::vp:
      return sigma_of(-integral(schedule, t));
    case NoiseSchedule::Kind::sub_vp:
      return 2 * std::sinh(integral(schedule, t) / 2);
    case NoiseSchedule::Kind::cosine:
      return cosine_sigma(t);
    case NoiseSchedule::Kind::rectified_flow:
      return t / (1 - t);
    case NoiseSchedule::Kind::ddpm: {
      double sum = 0;
      for (int i = 1; i <= static_cast<int>(t); ++i) sum += log_kept(schedule, i);
      return sigma_of(sum);
    }
  }
  return 1;
}

SigmaRange sigma_range(const NoiseSchedule& schedule) {
  const bool is_discrete = schedule.kind == NoiseSchedule::Kind::ddpm;
  return {sigma_at(schedule, is_discrete ? 1 : schedule.t_min),
          sigma_at(schedule, is_discrete ? schedule.levels : schedule.t_max)};
}

std::vector<double> noise_table_of(const NoiseSchedule& schedule) {
  std::vector<double> table;
  if (!has_table(schedule)) return table;
  if (schedule.kind == NoiseSchedule::Kind::ddpm) {
    double sum = 0;
    for (int i = 1; i <= schedule.levels; ++i) {
      sum += log_kept(schedule, i);
      table.push_back(std::log(sigma_of(sum)));
    }
    return table;
  }
  for (int i = 0; i < noise_table::kKnots; ++i) {
    // t_min + (t_max - t_min) u, as a mean with the weights 1 - u and u, of which neither cancels.
    const double odds = std::exp(noise_table::knot(i));
    table.push_back(std::log(sigma_at(schedule, (schedule.t_min + odds * schedule.t_max) / (1 + odds))));
  }
  return table;
}

}  // namespace scorematch
