// A network as strings, and numbers in them: the metadata of checkpoints and of the eval format (docs/eval-format.md),
// and the texts of the C interface (docs/c-interface.md). What only texts say: spec_plans.h.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "scorematch/error.h"
#include "scorematch/mlp.h"
#include "scorematch/objective.h"

namespace scorematch {

using Metadata = std::map<std::string, std::string>;

/// Takes what it reads out of a file's metadata, or out of a text, so that what is left over is unknown.
class MetadataReader {
 public:
  /// Of a file: refusals are Error io and name the file. @param path of it
  MetadataReader(std::string path, Metadata values) : path_(std::move(path)), values_(std::move(values)) {}
  /// Of a text of "key=value" that blanks part: refusals are Error invalid_argument and name `argument`.key.
  static MetadataReader of_text(const std::string& argument, const std::string& text);

  bool has(const std::string& key) const { return values_.count(key) > 0; }
  void set_if_absent(const std::string& key, const std::string& value) { values_.emplace(key, value); }
  std::string take(const std::string& key);  ///< @throws Error where it is missing
  std::string take(const std::string& key, const std::string& otherwise);
  double take_number(const std::string& key, double otherwise);
  double take_number(const std::string& key);
  std::int64_t take_int(const std::string& key);
  int take_int32(const std::string& key, int otherwise);
  std::uint64_t take_uint64(const std::string& key);
  std::vector<double> take_numbers(const std::string& key);  ///< with commas between them; none: ""
  bool take_bool(const std::string& key, bool otherwise);
  template <class T>
  T take_choice(const std::string& key, const std::map<std::string, T>& choices, const std::string& otherwise) {
    const std::string value = otherwise.empty() ? take(key) : take(key, otherwise);
    const auto found = choices.find(value);
    if (found != choices.end()) return found->second;
    std::string names;
    for (const auto& [name, unused] : choices) names += (names.empty() ? "" : ", ") + name;
    refuse(key, "one of " + names, "'" + value + "'");
  }
  /// Takes out the names that begin with `prefix`; the new reader knows them without it.
  MetadataReader take_section(const std::string& prefix);
  [[noreturn]] void refuse(const std::string& name, const std::string& expected, const std::string& got) const;

  /// @throws Error for the first name that nothing has taken
  void refuse_rest() const;

  const Metadata& left() const { return values_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;    // or the argument
  std::string prefix_;  // of a section: what refusals put before a name
  Metadata values_;
  bool is_text_ = false;
};

/// Kind, activation, parameterization, residual, and conditioning with the given Fourier frequencies; dim and hidden
/// are the caller's to set. sigma_data is `sigma_data` or 0.5. @param fourier_given whether there is a tensor of
/// frequencies
MlpShape read_net(MetadataReader& reader, const std::vector<double>& frequencies, bool fourier_given);
/// Kind, activation, parameterization and residual alone.
MlpShape read_kind_of_net(MetadataReader& reader);
/// `conditioning`; `frequencies` gives those of Fourier features, and is asked for them alone.
Conditioning read_conditioning(MetadataReader& reader, const std::string& otherwise,
                               const std::function<std::vector<double>()>& frequencies);
void write_net(const MlpShape& net, Metadata& metadata);

Parameterization read_parameterization(MetadataReader& reader, double sigma_data);
/// `sigma_data`, or 0.5.
double read_sigma_data(MetadataReader& reader);

Weighting read_weighting(MetadataReader& reader, double sigma_data);
void write_weighting(const Weighting& weighting, Metadata& metadata);

template <class T>
std::string name_of(const std::map<std::string, T>& names, T value) {
  for (const auto& [name, each] : names)
    if (each == value) return name;
  return "";
}

const std::map<std::string, Activation>& activation_names();
/// @throws Error invalid_argument naming `initialization`
Initialization read_initialization(const std::string& name);

/// Shortest text that reads back to the same number.
std::string number_text(double value);
/// With so many significant digits at most, for people: "0.012" or "1.2e+06".
std::string short_text(double value, int digits);

}  // namespace scorematch
