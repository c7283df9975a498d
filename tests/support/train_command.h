/// @file
/// `scorematch train` on a correlated Gaussian, and its output files.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cli/files/npy.h"
#include "support/arrays.h"
#include "support/command.h"

namespace scorematch::testing_support {

constexpr double kMean[] = {10, -200}, kDeviation[] = {3, 2}, kCorrelation = 0.8;

/// Samples of a correlated Gaussian.
inline cli::Matrix correlated_gaussian(std::int64_t rows, unsigned seed) {
  const std::vector<double> z = normal_values(2 * rows, seed);
  cli::Matrix data{rows, 2, {}};
  for (std::size_t i = 0; i < z.size(); i += 2) {
    data.values.push_back(static_cast<float>(kMean[0] + kDeviation[0] * z[i]));
    data.values.push_back(static_cast<float>(kMean[1] + kDeviation[1] * (kCorrelation * z[i] + 0.6 * z[i + 1])));
  }
  return data;
}

inline std::vector<double> column(const cli::Matrix& matrix, std::size_t j) {
  std::vector<double> values;
  for (std::size_t i = j; i < matrix.values.size(); i += static_cast<std::size_t>(matrix.cols))
    values.push_back(static_cast<double>(matrix.values[i]));
  return values;
}

struct LossTable {
  std::string header;
  std::vector<std::vector<std::string>> rows;
};

inline LossTable read_losses(const std::string& path) {
  LossTable table;
  for (const std::string& line : lines_of(read_file(path))) {
    if (table.header.empty()) {
      table.header = line;
      continue;
    }
    std::vector<std::string> cells;
    std::istringstream in(line + ",");
    for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
    table.rows.push_back(cells);
  }
  return table;
}

inline double number(const std::string& cell) {
  char* end = nullptr;
  const double value = std::strtod(cell.c_str(), &end);
  EXPECT_TRUE(!cell.empty() && *end == '\0') << "'" << cell << "'";
  return value;
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

class CommandTrain : public CommandTest {
 protected:
  CommandTrain() { cli::write_npy(path("data.npy"), correlated_gaussian(1000, 1)); }

  /// Arguments to train on data.npy, with a small network unless `more` has another one.
  static Arguments train(const std::string& output, const Arguments& more = {}) {
    Arguments arguments = {"train", "data.npy", "-o", output};
    for (const auto& [option, value] : {std::pair{"--hidden", "32,32"}, std::pair{"--batch", "128"}})
      if (std::find(more.begin(), more.end(), option) == more.end()) arguments.insert(arguments.end(), {option, value});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  std::set<std::string> files(const std::string& name) const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path(name))) names.insert(entry.path().filename());
    return names;
  }
};

inline const std::set<std::string> kFiles = {"model.safetensors", "loss.csv", "loss.png"};  // of an unfinished run
inline const std::set<std::string> kAllFiles = {"model.safetensors", "loss.csv", "loss.png", "comparison.csv",
                                                "comparison.png"};

}  // namespace scorematch::testing_support
