#include "cli/ranks/launch.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace scorematch::cli {
namespace {

struct Launcher {
  const char *size, *rank;
};

constexpr Launcher kLaunchers[] = {{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
                                   {"PMI_SIZE", "PMI_RANK"},
                                   {"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"},
                                   {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"}};

std::optional<int> number_in(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return {};
  int value = 0;
  const char* end = text + std::strlen(text);
  const auto [read_to, error] = std::from_chars(text, end, value);
  return error == std::errc() && read_to == end ? std::optional(value) : std::nullopt;
}

}  // namespace

Launch launch_of_environment() {
  for (const Launcher& each : kLaunchers)
    if (const int size = number_in(each.size).value_or(1); size > 1)
      return {number_in(each.rank).value_or(0), size, each.size};
  return {};
}

}  // namespace scorematch::cli
