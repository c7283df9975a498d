#include "cli/report/report.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

#include "cli/options/option_table.h"
#include "cli/options/refusal.h"

namespace scorematch::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char *kCommand = "command", *kWarnings = "warnings", *kList = "[]";

bool is_list(const std::string& key) { return key.size() > 2 && key.compare(key.size() - 2, 2, kList) == 0; }

Json to_json(const Value& value) {
  return std::visit(
      [](const auto& data) -> Json {
        using T = std::decay_t<decltype(data)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return nullptr;
        } else if constexpr (std::is_same_v<T, double>) {
          return std::isfinite(data) ? Json(data) : Json(nullptr);
        } else if constexpr (std::is_same_v<T, Values>) {
          Json list = Json::array();
          for (const Value& each : data) list.push_back(to_json(each));
          return list;
        } else if constexpr (std::is_same_v<T, Members>) {
          Json object = Json::object();
          for (const Member& each : data) object[each.key] = to_json(each.value);
          return object;
        } else {
          return data;
        }
      },
      value.data);
}

/// The place of "steps.done" in the report.
Json& at(Json& root, const std::string& key) {
  Json* place = &root;
  std::size_t begin = 0;
  for (std::size_t dot; (dot = key.find('.', begin)) != std::string::npos; begin = dot + 1)
    place = &(*place)[key.substr(begin, dot - begin)];
  return (*place)[key.substr(begin)];
}

}  // namespace

void ReportOptions::add_to(OptionTable& table) {
  table.flag("--json", json, "report on stdout as one JSON object (docs/command.md), not as text", always_has_effect());
}

Report::Report(const ReportOptions& options, const std::string& command, std::vector<std::string> keys,
               int name_columns)
    : is_json_(options.json), keys_{kCommand}, name_columns_(static_cast<std::size_t>(name_columns)) {
  keys_.insert(keys_.end(), keys.begin(), keys.end());
  keys_.push_back(std::string(kWarnings) + kList);
  state(fact(kCommand, command));
}

void Report::line(const std::string& name, const Phrase& text) {
  raw(name + std::string(name_columns_ - std::min(name_columns_, name.size()) + 1, ' ') + text + "\n");
}

void Report::raw(const Phrase& text) {
  state(text);
  if (!is_json_) std::fwrite(text.text().data(), 1, text.text().size(), stdout);
}

void Report::state(const Phrase& facts) {
  for (const Fact& each : facts.facts()) {
    const auto is_known = [&](const std::string& key) { return key == each.key || key == each.key + kList; };
    if (std::none_of(keys_.begin(), keys_.end(), is_known))
      throw std::logic_error("report: unknown key '" + each.key + "'");
    facts_.push_back(each);
  }
}

void Report::warn(const std::string& message) {
  std::fprintf(stderr, "scorematch: warning: %s\n", message.c_str());
  state(fact(kWarnings, message));
}

/// `key`, or the outermost of its objects that has no facts.
std::string Report::outermost_absent(const std::string& key) const {
  for (std::size_t dot = 0; (dot = key.find('.', dot)) != std::string::npos; ++dot) {
    const auto is_within = [&](const Fact& each) { return each.key.compare(0, dot + 1, key, 0, dot + 1) == 0; };
    if (std::none_of(facts_.begin(), facts_.end(), is_within)) return key.substr(0, dot);
  }
  return key;
}

std::string Report::json() const {
  Json root = Json::object();
  for (const std::string& each : keys_) {
    const std::string key = is_list(each) ? each.substr(0, each.size() - 2) : each, absent = outermost_absent(key);
    at(root, absent) = is_list(each) && absent == key ? Json::array() : Json(nullptr);
  }
  for (const Fact& each : facts_) {
    Json& place = at(root, each.key);
    if (place.is_array())
      place.push_back(to_json(each.value));
    else
      place = to_json(each.value);
  }
  // A path may have bytes that are not UTF-8.
  return root.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

void Report::finish() {
  if (!is_json_) return;
  const std::string text = json();
  const bool is_written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!is_written)
    throw Error(
        ErrorCode::io, "--json",
        "--json: expected a stdout that takes the report, got '" + std::generic_category().message(errno) + "'");
}

void Report::refuse_stdout(const std::string& option, const std::string& path) const {
  struct stat out = {}, file = {};
  if (!is_json_ || ::fstat(STDOUT_FILENO, &out) != 0 || ::stat(path.c_str(), &file) != 0) return;
  if (out.st_dev == file.st_dev && out.st_ino == file.st_ino)
    refuse("--json", "a stdout that is not the file of " + option, "'" + path + "' for both");
}

}  // namespace scorematch::cli
