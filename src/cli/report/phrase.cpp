#include "cli/report/phrase.h"

#include "cli/options/progress.h"
#include "formats/spec_text.h"

namespace scorematch::cli {

Phrase& Phrase::operator+=(const Phrase& more) {
  text_ += more.text_;
  facts_.insert(facts_.end(), more.facts_.begin(), more.facts_.end());
  return *this;
}

Phrase fact(const std::string& key, Value value, const std::string& text) { return {text, {key, std::move(value)}}; }

Phrase fact(const std::string& key, Value value) {
  std::string text;
  if (const auto* whole = std::get_if<std::int64_t>(&value.data)) text = std::to_string(*whole);
  if (const auto* number = std::get_if<double>(&value.data)) text = number_text(*number);
  if (const auto* words = std::get_if<std::string>(&value.data)) text = *words;
  return fact(key, std::move(value), text);
}

Phrase rounded_fact(const std::string& key, double value, int digits) {
  return fact(key, value, short_text(value, digits));
}

Phrase silent(const std::string& key, Value value) { return fact(key, std::move(value), ""); }

Phrase without_text(const Phrase& phrase) {
  Phrase facts;
  for (const Fact& each : phrase.facts()) facts += silent(each.key, each.value);
  return facts;
}

Phrase measurement(const std::string& key, double mean, double standard_error) {
  return fact(key + ".mean", mean, format_measurement(mean, standard_error)) +
         silent(key + ".standard_error", standard_error);
}

Phrase measurement(const std::string& key, const Estimate& estimate) {
  return measurement(key, estimate.mean, estimate.standard_error());
}

Phrase speed(const std::string& key, const std::string& name, double count, double seconds) {
  const double rate = count / seconds;
  return fact(key + "." + name + "s_per_second", rate, format_rate(rate)) + " " + name + "s/s, " +
         fact(key + ".seconds", seconds, format_duration(seconds)) + " in all";
}

}  // namespace scorematch::cli
