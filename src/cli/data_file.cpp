#include "cli/data_file.h"

#include "cli/gzip_input.h"
#include "cli/npy.h"

namespace scorematch::cli {

Table read_data(const std::string& path) {
  constexpr std::string_view kNpy = ".npy";
  if (path.size() >= kNpy.size() && path.compare(path.size() - kNpy.size(), kNpy.size(), kNpy) == 0)
    return read_npy(path);
  char start[2] = {1, 1};
  GzipInput(path).read_some(start, 2);
  return start[0] == 0 && start[1] == 0 ? read_idx(path) : read_csv(path);
}

}  // namespace scorematch::cli
