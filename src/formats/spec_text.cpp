#include "formats/spec_text.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <sstream>

namespace scorematch {
namespace {

template <class T>
T parse(const MetadataReader& reader, const std::string& key, const std::string& text, const char* expected) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    reader.refuse(key, expected, "'" + text + "'");
  return value;
}

const std::map<std::string, MlpShape::Kind> kKinds = {{"score", MlpShape::Kind::score},
                                                      {"energy", MlpShape::Kind::energy}};
// By position in the variants, which are in this order.
const std::map<std::string, std::size_t> kParameterizations = {{"plain", 0}, {"ncsn", 1}, {"noise", 2}, {"edm", 3}};
const std::map<std::string, std::size_t> kConditionings = {{"none", 0}, {"log_sigma", 1}, {"fourier", 2}};
const std::map<std::string, std::size_t> kWeightings = {{"none", 0}, {"sigma2", 1}, {"edm", 2}};

}  // namespace

MetadataReader MetadataReader::of_text(const std::string& argument, const std::string& text) {
  MetadataReader reader(argument, {});
  reader.is_text_ = true;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw Error(ErrorCode::invalid_argument, argument,
                  argument + ": expected key=value, got '" + word.substr(0, 200) + "'");
    if (!reader.values_.emplace(word.substr(0, equals), word.substr(equals + 1)).second)
      reader.refuse(word.substr(0, equals), "one value", "another, '" + word.substr(equals + 1) + "'");
  }
  return reader;
}

std::string MetadataReader::take(const std::string& key) {
  const auto found = values_.find(key);
  if (found == values_.end()) refuse(key, "a value", "nothing");
  std::string value = std::move(found->second);
  values_.erase(found);
  return value;
}

std::string MetadataReader::take(const std::string& key, const std::string& otherwise) {
  return has(key) ? take(key) : otherwise;
}

double MetadataReader::take_number(const std::string& key) { return parse<double>(*this, key, take(key), "a number"); }

double MetadataReader::take_number(const std::string& key, double otherwise) {
  return has(key) ? take_number(key) : otherwise;
}

std::int64_t MetadataReader::take_int(const std::string& key) {
  return parse<std::int64_t>(*this, key, take(key), "a whole number");
}

int MetadataReader::take_int32(const std::string& key, int otherwise) {
  if (!has(key)) return otherwise;
  const std::int64_t value = take_int(key);
  if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max())
    refuse(key, "a whole number of 32 bits", std::to_string(value));
  return static_cast<int>(value);
}

std::vector<double> MetadataReader::take_numbers(const std::string& key) {
  const std::string text = take(key);
  std::vector<double> values;
  if (text.empty()) return values;
  for (std::size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
    end = text.find(',', begin);
    values.push_back(parse<double>(*this, key, text.substr(begin, end - begin), "numbers with commas between them"));
  }
  return values;
}

std::uint64_t MetadataReader::take_uint64(const std::string& key) {
  return parse<std::uint64_t>(*this, key, take(key), "a whole number >= 0");
}

bool MetadataReader::take_bool(const std::string& key, bool otherwise) {
  return take_choice<bool>(key, {{"false", false}, {"true", true}}, otherwise ? "true" : "false");
}

MetadataReader MetadataReader::take_section(const std::string& prefix) {
  MetadataReader section(path_, {});
  section.prefix_ = prefix_ + prefix;
  section.is_text_ = is_text_;
  for (auto at = values_.lower_bound(prefix); at != values_.end() && at->first.compare(0, prefix.size(), prefix) == 0;
       at = values_.erase(at))
    section.values_.emplace(at->first.substr(prefix.size()), std::move(at->second));
  return section;
}

void MetadataReader::refuse(const std::string& name, const std::string& expected, const std::string& got) const {
  const std::string key = prefix_ + name;
  const std::string argument = is_text_ ? path_ + "." + key : key;
  throw Error(is_text_ ? ErrorCode::invalid_argument : ErrorCode::io, argument,
              (is_text_ ? argument : path_ + ": metadata '" + key + "'") + ": expected " + expected + ", got " +
                  got.substr(0, 200));
}

void MetadataReader::refuse_rest() const {
  if (values_.empty()) return;
  const auto& [key, value] = *values_.begin();
  refuse(key, is_text_ ? "nothing by that name beside the others" : "a name the format has", "'" + value + "'");
}

double read_sigma_data(MetadataReader& reader) {
  const double sigma_data = reader.take_number("sigma_data", 0.5);
  if (!(sigma_data > 0) || !std::isfinite(sigma_data))
    reader.refuse("sigma_data", "a finite value > 0", number_text(sigma_data));
  return sigma_data;
}

Parameterization read_parameterization(MetadataReader& reader, double sigma_data) {
  switch (reader.take_choice(std::string("parameterization"), kParameterizations, "")) {
    case 1:
      return parameterization::Ncsn{};
    case 2:
      return parameterization::NoisePrediction{};
    case 3:
      return parameterization::Edm{sigma_data};
    default:
      return parameterization::Plain{};
  }
}

Conditioning read_conditioning(MetadataReader& reader, const std::string& otherwise,
                               const std::function<std::vector<double>()>& frequencies) {
  switch (reader.take_choice(std::string("conditioning"), kConditionings, otherwise)) {
    case 1:
      return conditioning::LogSigma{};
    case 2:
      return conditioning::Fourier{frequencies()};
    default:
      return conditioning::None{};
  }
}

MlpShape read_kind_of_net(MetadataReader& reader) {
  MlpShape net;
  net.kind = reader.take_choice(std::string("net"), kKinds, "");
  net.activation = reader.take_choice(std::string("activation"), activation_names(), "");
  net.residual = reader.take_bool("residual", false);
  net.parameterization = read_parameterization(reader, read_sigma_data(reader));
  return net;
}

MlpShape read_net(MetadataReader& reader, const std::vector<double>& frequencies, bool fourier_given) {
  MlpShape net = read_kind_of_net(reader);
  net.conditioning = read_conditioning(reader, "", [&] { return frequencies; });
  if (std::holds_alternative<conditioning::Fourier>(net.conditioning) != fourier_given)
    reader.refuse("conditioning",
                  fourier_given ? "fourier, as fourier.frequencies is given" : "a tensor fourier.frequencies",
                  fourier_given ? "another" : "none");
  return net;
}

void write_net(const MlpShape& net, Metadata& metadata) {
  metadata["net"] = name_of(kKinds, net.kind);
  metadata["activation"] = name_of(activation_names(), net.activation);
  metadata["residual"] = net.residual ? "true" : "false";
  metadata["parameterization"] = name_of(kParameterizations, net.parameterization.index());
  metadata["conditioning"] = name_of(kConditionings, net.conditioning.index());
  if (const auto* edm = std::get_if<parameterization::Edm>(&net.parameterization))
    metadata["sigma_data"] = number_text(edm->sigma_data);
}

Weighting read_weighting(MetadataReader& reader, double sigma_data) {
  switch (reader.take_choice(std::string("weighting"), kWeightings, "none")) {
    case 1:
      return weighting::Sigma2{};
    case 2:
      return weighting::Edm{sigma_data};
    default:
      return weighting::None{};
  }
}

void write_weighting(const Weighting& weighting, Metadata& metadata) {
  metadata["weighting"] = name_of(kWeightings, weighting.index());
  if (const auto* edm = std::get_if<weighting::Edm>(&weighting)) metadata["sigma_data"] = number_text(edm->sigma_data);
}

const std::map<std::string, Activation>& activation_names() {
  static const std::map<std::string, Activation> names = {{"silu", Activation::silu},
                                                          {"softplus", Activation::softplus},
                                                          {"tanh", Activation::tanh},
                                                          {"gelu", Activation::gelu}};
  return names;
}

Initialization read_initialization(const std::string& name) {
  if (name == "torch") return Initialization::torch;
  if (name == "variance_preserving") return Initialization::variance_preserving;
  throw Error(ErrorCode::invalid_argument, "initialization",
              "initialization: expected torch or variance_preserving, got '" + name.substr(0, 200) + "'");
}

std::string short_text(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*g", digits, value);
  return text;
}

std::string number_text(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return std::string(text, end);
}

}  // namespace scorematch
