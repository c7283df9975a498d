// The results of a run, for the comparison: arrays in a file, one after the other.
#pragma once
#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "scorematch/estimate.h"

struct Record {
  std::vector<float> noise;                  ///< sigma, eps, x_tilde and directions of the whole batch, from the parts
  std::vector<scorematch::Estimate> losses;  ///< of each step's whole batch
  std::vector<float> gradient, params;       ///< [P], of the first step; after the last
};

template <class File, class T>
void transfer(File& file, std::vector<T>& values) {
  auto count = static_cast<std::int64_t>(values.size());
  if constexpr (std::is_same_v<File, std::ofstream>) {
    file.write(reinterpret_cast<const char*>(&count), sizeof count);
    file.write(reinterpret_cast<const char*>(values.data()), count * static_cast<std::int64_t>(sizeof(T)));
  } else {
    file.read(reinterpret_cast<char*>(&count), sizeof count);
    if (file) values.resize(static_cast<std::size_t>(count));
    file.read(reinterpret_cast<char*>(values.data()), count * static_cast<std::int64_t>(sizeof(T)));
  }
}

/// Writes or reads, depending on the type of the file.
template <class File>
void transfer(const std::string& path, std::vector<Record>& records) {
  File file(path, std::ios::binary);
  for (Record& each : records) {
    transfer(file, each.noise);
    transfer(file, each.losses);
    transfer(file, each.gradient);
    transfer(file, each.params);
  }
  if (!file) throw std::runtime_error(path + ": expected a whole record");
}
