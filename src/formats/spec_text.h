// Networks and numbers as strings, for the metadata of checkpoints and of the eval format (docs/eval-format.md), and
// for the texts of the C interface (docs/c-interface.md). spec_plans.h has the parts that only occur in texts.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/names.h"
#include "scorematch/error.h"
#include "scorematch/mlp.h"
#include "scorematch/objective.h"
#include "scorematch/param_groups.h"

namespace scorematch {

using Metadata = std::map<std::string, std::string>;

/// Reads the metadata of a file, or a text, and removes the values that are read, so that keys that remain are unknown.
class MetadataReader {
 public:
  /// Reads a file's metadata. Errors are Error io with the path of the file. @param path of the file, for messages
  MetadataReader(std::string path, Metadata values) : path_(std::move(path)), values_(std::move(values)) {}
  /// Reads a text of "key=value" words. Errors are Error invalid_argument with `argument`.key.
  static MetadataReader of_text(const std::string& argument, const std::string& text);

  /// Whether the key exists. This and the functions below also accept the key's name in earlier versions.
  bool has(const std::string& key) const { return find(key) != values_.end(); }
  void set_if_absent(const std::string& key, const std::string& value) { values_.emplace(key, value); }
  std::string take(const std::string& key);  ///< @throws Error if it is missing
  std::string take(const std::string& key, const std::string& otherwise);
  double take_number(const std::string& key, double otherwise);
  double take_number(const std::string& key);
  std::int64_t take_int(const std::string& key);
  int take_int32(const std::string& key, int otherwise);
  std::uint64_t take_uint64(const std::string& key);
  std::vector<double> take_numbers(const std::string& key);  ///< separated by commas; may be empty
  bool take_bool(const std::string& key, bool otherwise);
  /// Returns `otherwise` if the key is absent.
  template <class T>
  T take_choice(T otherwise) {
    return has(Names<T>::key) ? take_choice<T>() : otherwise;
  }
  /// Reads the key of T's table of names. @throws Error if it is missing
  template <class T>
  T take_choice() {
    const std::string text = take(Names<T>::key);
    if (const T* value = value_named<T>(text)) return *value;
    refuse(Names<T>::key, "one of " + known_names<T>(), "'" + text + "'");
  }
  /// Moves the keys that begin with `prefix` to a new reader, without the prefix.
  MetadataReader take_section(const std::string& prefix);
  [[noreturn]] void refuse(const std::string& name, const std::string& expected, const std::string& got) const;

  /// @throws Error for the first key that has not been read, with the keys that have been asked for
  void refuse_rest() const;
  [[noreturn]] void refuse_unknown(const std::string& key, const std::string& value) const;

  const Metadata& left() const { return values_; }
  const std::string& path() const { return path_; }

 private:
  Metadata::const_iterator find(const std::string& key) const;

  std::string path_;    // or the argument, for messages
  std::string prefix_;  // of a section, for messages
  Metadata values_;
  mutable std::set<std::string> asked_for_;  // the known keys, for messages
  bool is_text_ = false;
};

/// Reads kind, activation, parameterization, residual, context, and conditioning with the given Fourier frequencies.
/// The caller sets dim and hidden. sigma_data is 0.5 if absent. @param fourier_given whether there is a tensor of
/// frequencies
MlpShape read_net(MetadataReader& reader, const std::vector<double>& frequencies, bool fourier_given);
/// Reads kind, activation, parameterization, residual and context alone.
MlpShape read_kind_of_net(MetadataReader& reader);
void write_net(const MlpShape& net, Metadata& metadata);

/// context, 0 if absent, and context_optional
Context read_context(MetadataReader& reader);
Parameterization read_parameterization(MetadataReader& reader, double sigma_data);
/// Reads sigma_data, 0.5 if absent.
double read_sigma_data(MetadataReader& reader);

Weighting read_weighting(MetadataReader& reader, double sigma_data);
void write_weighting(const Weighting& weighting, Metadata& metadata);

template <class T>
void write_choice(T value, Metadata& metadata) {
  metadata[Names<T>::key] = name_of(value);
}
/// @throws Error invalid_argument for `initialization`
Initialization read_initialization(const std::string& name);

/// begin,count,learning_rate,weight_decay of each group. An absent key means no groups.
std::vector<ParamGroup> read_groups(MetadataReader& reader, const std::string& key);
std::string groups_text(const std::vector<ParamGroup>& groups);

/// The shortest text that reads back to the same number.
std::string number_text(double value);
/// A text for people with at most `digits` significant digits: "0.012" or "1.2e+06".
std::string short_text(double value, int digits);

}  // namespace scorematch
