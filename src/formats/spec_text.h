// A network as strings, and numbers in them: the metadata of checkpoints and of the eval format (docs/eval-format.md),
// and the texts of the C interface (docs/c-interface.md). What only texts say: spec_plans.h.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "model/names.h"
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

  /// Whether there is one, by today's name or by that of an earlier version, as of everything that is taken.
  bool has(const std::string& key) const { return find(key) != values_.end(); }
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
  /// `otherwise` where the key is absent.
  template <class T>
  T take_choice(T otherwise) {
    return has(Names<T>::key) ? take_choice<T>() : otherwise;
  }
  /// The value of the key that T's table of names has. @throws Error where it is missing
  template <class T>
  T take_choice() {
    const std::string text = take(Names<T>::key);
    if (const T* value = value_named<T>(text)) return *value;
    refuse(Names<T>::key, "one of " + known_names<T>(), "'" + text + "'");
  }
  /// Takes out the names that begin with `prefix`; the new reader knows them without it.
  MetadataReader take_section(const std::string& prefix);
  [[noreturn]] void refuse(const std::string& name, const std::string& expected, const std::string& got) const;

  /// @throws Error for the first name that nothing has taken
  void refuse_rest() const;

  const Metadata& left() const { return values_; }
  const std::string& path() const { return path_; }

 private:
  Metadata::const_iterator find(const std::string& key) const;

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
void write_net(const MlpShape& net, Metadata& metadata);

Parameterization read_parameterization(MetadataReader& reader, double sigma_data);
/// `sigma_data`, or 0.5.
double read_sigma_data(MetadataReader& reader);

Weighting read_weighting(MetadataReader& reader, double sigma_data);
void write_weighting(const Weighting& weighting, Metadata& metadata);

template <class T>
void write_choice(T value, Metadata& metadata) {
  metadata[Names<T>::key] = name_of(value);
}
/// @throws Error invalid_argument naming `initialization`
Initialization read_initialization(const std::string& name);

/// Shortest text that reads back to the same number.
std::string number_text(double value);
/// With so many significant digits at most, for people: "0.012" or "1.2e+06".
std::string short_text(double value, int digits);

}  // namespace scorematch
