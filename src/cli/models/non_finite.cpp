#include "cli/models/non_finite.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace scorematch::cli {

void warn_of_non_finite(Report& report, const std::string& path, const SafetensorsFile& file) {
  for (const auto& [name, tensor] : file.tensors) {
    const std::vector<double> values = tensor.as_double();
    const auto nans = std::count_if(values.begin(), values.end(), [](double each) { return std::isnan(each); });
    const auto infinities = std::count_if(values.begin(), values.end(), [](double each) { return std::isinf(each); });
    if (nans + infinities == 0) continue;
    report.warn(path + ": tensor '" + name + "': " + std::to_string(nans) + " NaN and " + std::to_string(infinities) +
                " infinite of " + std::to_string(values.size()) + " values");
  }
}

}  // namespace scorematch::cli
