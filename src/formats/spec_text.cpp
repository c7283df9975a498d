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
      reader.refuse(word.substr(0, equals), "one value", "a second one, '" + word.substr(equals + 1) + "'");
  }
  return reader;
}

Metadata::const_iterator MetadataReader::find(const std::string& key) const {
  asked_for_.insert(key);
  const auto found = values_.find(key);
  const char* const old_key = old_key_of(key);
  return found == values_.end() && old_key != nullptr ? values_.find(old_key) : found;
}

std::string MetadataReader::take(const std::string& key) {
  const auto found = find(key);
  if (found == values_.end()) refuse(key, "a value", "nothing");
  std::string value = found->second;
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
    refuse(key, "a whole number of at most 32 bits", std::to_string(value));
  return static_cast<int>(value);
}

std::vector<double> MetadataReader::take_numbers(const std::string& key) {
  const std::string text = take(key);
  std::vector<double> values;
  if (text.empty()) return values;
  for (std::size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
    end = text.find(',', begin);
    values.push_back(parse<double>(*this, key, text.substr(begin, end - begin), "numbers separated by commas"));
  }
  return values;
}

std::uint64_t MetadataReader::take_uint64(const std::string& key) {
  return parse<std::uint64_t>(*this, key, take(key), "a whole number >= 0");
}

bool MetadataReader::take_bool(const std::string& key, bool otherwise) {
  if (!has(key)) return otherwise;
  const std::string text = take(key);
  if (text != "true" && text != "false") refuse(key, "one of false, true", "'" + text + "'");
  return text == "true";
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
  refuse_unknown(values_.begin()->first, values_.begin()->second);
}

void MetadataReader::refuse_unknown(const std::string& key, const std::string& value) const {
  std::string known;
  for (const std::string& each : asked_for_) known += (known.empty() ? "" : ", ") + each;
  refuse(key, "one of the keys " + known + (is_text_ ? " (others depend on the values given)" : ""), "'" + value + "'");
}

double read_sigma_data(MetadataReader& reader) {
  const double sigma_data = reader.take_number("sigma_data", 0.5);
  if (!(sigma_data > 0) || !std::isfinite(sigma_data))
    reader.refuse("sigma_data", "a finite value > 0", number_text(sigma_data));
  return sigma_data;
}

Parameterization read_parameterization(MetadataReader& reader, double sigma_data) {
  return {reader.take_choice<Parameterization::Kind>(), sigma_data};
}

Context read_context(MetadataReader& reader) {
  return {reader.take_int32("context", 0), reader.take_bool("context_optional", false)};
}

MlpShape read_kind_of_net(MetadataReader& reader) {
  MlpShape net;
  net.kind = reader.take_choice<MlpShape::Kind>();
  net.activation = reader.take_choice<Activation>();
  net.residual = reader.take_bool("residual", false);
  net.context = read_context(reader);
  net.parameterization = read_parameterization(reader, read_sigma_data(reader));
  return net;
}

MlpShape read_net(MetadataReader& reader, const std::vector<double>& frequencies, bool fourier_given) {
  MlpShape net = read_kind_of_net(reader);
  net.conditioning = {reader.take_choice<Conditioning::Kind>(), frequencies};
  if ((net.conditioning.kind == Conditioning::Kind::fourier) != fourier_given)
    reader.refuse("conditioning",
                  fourier_given ? "fourier, because fourier.frequencies is given" : "a tensor fourier.frequencies",
                  fourier_given ? "another" : "none");
  return net;
}

void write_net(const MlpShape& net, Metadata& metadata) {
  write_choice(net.kind, metadata);
  write_choice(net.activation, metadata);
  metadata["residual"] = net.residual ? "true" : "false";
  write_choice(net.parameterization.kind, metadata);
  write_choice(net.conditioning.kind, metadata);
  if (net.parameterization.kind == Parameterization::Kind::edm)
    metadata["sigma_data"] = number_text(net.parameterization.sigma_data);
  if (net.context.columns == 0) return;  // the metadata of earlier versions
  metadata["context"] = std::to_string(net.context.columns);
  if (net.context.optional) metadata["context_optional"] = "true";
}

Weighting read_weighting(MetadataReader& reader, double sigma_data) {
  Weighting weighting{reader.take_choice(Weighting::Kind::none), sigma_data};
  if (weighting.kind == Weighting::Kind::min_snr) weighting.gamma = reader.take_number("gamma", weighting.gamma);
  return weighting;
}

void write_weighting(const Weighting& weighting, Metadata& metadata) {
  write_choice(weighting.kind, metadata);
  if (weighting.kind == Weighting::Kind::edm) metadata["sigma_data"] = number_text(weighting.sigma_data);
  if (weighting.kind == Weighting::Kind::min_snr) metadata["gamma"] = number_text(weighting.gamma);
}

Initialization read_initialization(const std::string& name) {
  if (const auto* value = value_named<Initialization>(name)) return *value;
  throw Error(
      ErrorCode::invalid_argument, "initialization",
      "initialization: expected one of " + known_names<Initialization>() + ", got '" + name.substr(0, 200) + "'");
}

std::vector<ParamGroup> read_groups(MetadataReader& reader, const std::string& key) {
  if (!reader.has(key)) return {};
  const std::vector<double> numbers = reader.take_numbers(key);
  const std::string expected = "begin,count,learning_rate,weight_decay for each group";
  if (numbers.size() % 4 != 0) reader.refuse(key, expected, std::to_string(numbers.size()) + " numbers");
  const auto whole = [&](double value) {
    constexpr double kMost = 1LL << 53;
    if (!(value >= 0 && value <= kMost) || value != std::floor(value))
      reader.refuse(key, "a whole number from 0 to 2^53 for begin and count", number_text(value));
    return static_cast<std::int64_t>(value);
  };
  std::vector<ParamGroup> groups;
  for (std::size_t i = 0; i < numbers.size(); i += 4)
    groups.push_back({whole(numbers[i]), whole(numbers[i + 1]), numbers[i + 2], numbers[i + 3]});
  return groups;
}

std::string groups_text(const std::vector<ParamGroup>& groups) {
  std::string text;
  for (const ParamGroup& group : groups) {
    if (!text.empty()) text += ",";
    text += std::to_string(group.begin) + "," + std::to_string(group.count) + "," + number_text(group.learning_rate) +
            "," + number_text(group.weight_decay);
  }
  return text;
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
