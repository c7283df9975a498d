#include "cli/options/option_value.h"

#include "formats/spec_text.h"

namespace scorematch::cli {

std::string value_text(const std::string& value) { return value; }
std::string value_text(bool value) { return value ? "true" : "false"; }
std::string value_text(double value) { return number_text(value); }

std::string value_text(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& each : values) text += (text.empty() ? "" : ",") + each;
  return text;
}

std::string value_text(const std::vector<int>& values) {
  std::vector<std::string> texts;
  for (const int each : values) texts.push_back(std::to_string(each));
  return value_text(texts);
}

}  // namespace scorematch::cli
