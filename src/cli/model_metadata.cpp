#include "cli/model_metadata.h"

#include <cmath>
#include <cstdlib>

#include "cli/commands.h"
#include "cli/refusal.h"
#include "spec_text.h"

namespace scorematch::cli {

double metadata_number(const Checkpoint& model, const std::string& key, double otherwise) {
  const auto found = model.metadata.find(key);
  if (found == model.metadata.end()) return otherwise;
  char* end = nullptr;
  const double value = std::strtod(found->second.c_str(), &end);
  return end != found->second.c_str() && *end == '\0' && std::isfinite(value) ? value : otherwise;
}

void check(const NoiseRange& asked) {
  if (asked.low > 0 && asked.high > 0 && asked.low > asked.high)
    refuse_option("--sigma-min", "at most --sigma-max " + number_text(asked.high), number_text(asked.low));
}

NoiseRange range_of(const NoiseSchedule& schedule) {
  struct Visitor {
    NoiseRange operator()(const schedule::None&) const { return {}; }
    NoiseRange operator()(const schedule::Single& single) const { return {single.sigma, single.sigma}; }
    NoiseRange operator()(const schedule::Geometric& geometric) const {
      return {geometric.sigma_min, geometric.sigma_max};
    }
    NoiseRange operator()(const schedule::LogNormal& lognormal) const {  // all but 3 in 1000 of the training noise
      return {std::exp(lognormal.mean - 3 * lognormal.deviation), std::exp(lognormal.mean + 3 * lognormal.deviation)};
    }
  };
  return std::visit(Visitor{}, schedule);
}

NoiseRange known_range(const NoiseRange& asked, const Checkpoint& model) {
  const NoiseRange trained =
      model.loss ? range_of(model.loss->schedule)
                 : NoiseRange{metadata_number(model, "sigma_min", 0), metadata_number(model, "sigma_max", 0)};
  return {asked.low > 0 ? asked.low : trained.low, asked.high > 0 ? asked.high : trained.high};
}

NoiseRange needed_range(const NoiseRange& asked, const Checkpoint& model, const std::string& why) {
  const NoiseRange range = known_range(asked, model);
  if (!(range.low > 0) || !(range.high > 0))
    refuse(range.low > 0 ? "--sigma-max" : "--sigma-min", "a level of noise, as the model was not trained on any" + why,
           "none");
  if (range.low > range.high)
    refuse("--sigma-min", "at most the largest noise, " + number_text(range.high), number_text(range.low));
  return range;
}

}  // namespace scorematch::cli
