#include "cli/training/run_record.h"

#include <algorithm>
#include <cfloat>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "cli/options/refusal.h"
#include "formats/spec_text.h"

namespace scorematch::cli {
namespace {

const std::string kPrefix = "train.";
const std::string kData = "train.data";
constexpr std::uint64_t kHash = 0xcbf29ce484222325u;  // of nothing

/// Everything except the weights and the frequencies' values.
std::string describe(const MlpShape& net) {
  Metadata values;
  write_net(net, values);
  std::string text = std::to_string(net.dim) + " -> ";
  for (const int each : net.hidden) text += std::to_string(each) + " ";
  for (const auto& [key, value] : values) text += key + " " + value + " ";
  if (net.conditioning.kind == Conditioning::Kind::fourier)
    text += std::to_string(net.conditioning.frequencies.size()) + " frequencies";
  return text;
}

/// One more value of an FNV-1a hash.
template <class T>
std::uint64_t hash_of(T value, std::uint64_t hash) {
  unsigned char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  for (const unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001b3u;
  return hash;
}

}  // namespace

std::string identify(const Table& data) {
  const bool is_float = std::all_of(data.values.begin(), data.values.end(), [](double each) {
    return std::abs(each) <= static_cast<double>(FLT_MAX) && static_cast<double>(static_cast<float>(each)) == each;
  });
  std::uint64_t hash = kHash;
  for (const double value : data.values)
    hash = is_float ? hash_of(static_cast<float>(value), hash) : hash_of(value, hash);
  char text[80];
  std::snprintf(text, sizeof text, "%" PRId64 " x %" PRId64 ", %016" PRIx64, data.rows, data.cols, hash);
  return text;
}

std::string identify(const std::vector<float>& values) {
  std::uint64_t hash = kHash;
  for (const float value : values) hash = hash_of(value, hash);
  char text[80];
  std::snprintf(text, sizeof text, "%zu values, %016" PRIx64, values.size(), hash);
  return text;
}

void write_run(const TrainOptions& options, const std::string& data, std::map<std::string, std::string>& metadata) {
  for (const auto& [name, value] : options.recorded()) metadata[kPrefix + name] = value;
  metadata[kData] = data;
}

Checkpoint load_run(const std::string& path) {
  std::error_code ignored;
  const bool is_folder = std::filesystem::is_directory(path, ignored);
  return Checkpoint::load(is_folder ? (std::filesystem::path(path) / "model.safetensors").string() : path);
}

void take_over(const Checkpoint& run, const std::string& data, int dim, TrainOptions& options) {
  const std::string& path = options.resume;
  const auto file_error = [&](const std::string& expected, const std::string& got) {
    throw Error(ErrorCode::io, path, path + ": expected " + expected + ", got " + got);
  };
  const auto recorded = run.metadata.find(kData);
  if (recorded == run.metadata.end() || !run.adam)
    refuse("--resume", "a model that `scorematch train` has saved, with its run",
           "'" + path + "' with " + (run.adam ? "no 'train.data'" : "no Adam state"));
  if (recorded->second != data) refuse("DATA", "the data of the run in " + path + ", " + recorded->second, data);
  std::map<std::string, std::string> values;
  for (const auto& [key, value] : run.metadata)
    if (key.compare(0, kPrefix.size(), kPrefix) == 0) values[key.substr(kPrefix.size())] = value;
  options.take_over(path, values);

  const std::string net = describe(run.net), described = describe(options.net(dim));
  if (net != described) file_error("the network of its options, " + described, net);
  if (run.standardization.mean.empty() != (options.standardize == "none"))
    file_error("the units of --standardize " + options.standardize,
               run.standardization.mean.empty() ? "those of the data" : "other units");
  if (run.noise.seed != options.seed || run.noise.first_sample != 0)
    file_error("noise of the run's seed " + std::to_string(options.seed) + " from sample 0",
               std::to_string(run.noise.seed) + " from sample " + std::to_string(run.noise.first_sample));
  const Adam::Progress& progress = run.adam->progress;
  if (progress.step + progress.skipped != run.noise.step)
    file_error("as many Adam steps as noise steps, " + std::to_string(run.noise.step),
               std::to_string(progress.step + progress.skipped));
  const bool is_complete = run.metadata.count(kEvaluationPending) == 0;
  if (run.noise.step > options.steps || (run.noise.step == options.steps && is_complete))
    refuse("--steps", "more than the " + std::to_string(run.noise.step) + " that the run in " + path + " has done",
           std::to_string(options.steps));
}

}  // namespace scorematch::cli
