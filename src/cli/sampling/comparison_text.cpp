// A comparison as text, for the report and for programs.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "cli/files/csv_text.h"
#include "cli/sampling/comparison.h"
#include "formats/spec_text.h"

namespace scorematch::cli {
namespace {

constexpr std::size_t kShown = 12;  // columns of the table
constexpr std::size_t kNamed = 5;   // columns that differ, one line each

std::string text_of(double value) { return short_text(value, 4); }

/// Fine enough to show a hundredth of the column's deviation.
std::string text_of(double value, double deviation) {
  const double decimals = 2 - std::floor(std::log10(deviation));
  if (!(std::abs(value) < 1e9 && decimals >= 0 && decimals <= 6)) return text_of(value);
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", static_cast<int>(decimals), value);
  return text;
}

std::vector<std::size_t> worst_first(const Comparison& comparison) {
  std::vector<std::size_t> order(comparison.columns.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return comparison.columns[a].severity() > comparison.columns[b].severity();
  });
  return order;
}

/// Those of the table.
std::vector<std::size_t> shown_columns(const Comparison& comparison) {
  std::vector<std::size_t> shown = worst_first(comparison);
  if (shown.size() > kShown)
    shown.resize(kNamed);
  else
    std::sort(shown.begin(), shown.end());
  return shown;
}

using Line = std::vector<std::string>;

/// @param deviation of the data
void add(Line& line, const Summary& summary, double deviation) {
  line.push_back(text_of(summary.mean, deviation));
  line.push_back(text_of(summary.deviation, deviation));
  for (const double each : summary.quantiles) line.push_back(text_of(each, deviation));
}

std::vector<std::string> aligned(const std::vector<Line>& lines) {
  std::vector<std::size_t> widths(lines[0].size());
  for (const Line& line : lines)
    for (std::size_t j = 0; j < line.size(); ++j) widths[j] = std::max(widths[j], line[j].size());
  std::vector<std::string> texts;
  for (const Line& line : lines) {
    std::string text;
    for (std::size_t j = 0; j < line.size(); ++j) {
      const std::string padding(widths[j] - line[j].size(), ' ');
      text += (j == 0 ? "" : "  ") + (j == 1 ? line[j] + padding : padding + line[j]);
    }
    texts.push_back(text);
  }
  return texts;
}

std::string name_of(const Comparison& comparison, std::size_t column) {
  return column < comparison.names.size() ? comparison.names[column] : std::to_string(column);
}

/// "q05"
std::string quantile_name(std::size_t i) {
  char name[8];
  std::snprintf(name, sizeof name, "q%02d", static_cast<int>(std::lround(100 * kProbabilities[i])));
  return name;
}

/// What differs.
std::vector<std::string> differences(const ColumnComparison& each) {
  std::vector<std::string> words;
  if (each.center_differs) words.push_back("mean");
  if (each.spread_differs) words.push_back("spread");
  if (each.shape_differs) words.push_back("shape");
  return words;
}

Members to_members(const Summary& summary) {
  Members members = {{"mean", summary.mean}, {"deviation", summary.deviation}};
  for (std::size_t i = 0; i < kProbabilities.size(); ++i) members.push_back({quantile_name(i), summary.quantiles[i]});
  return members;
}

std::string csv_row(const std::string& name, const ColumnComparison& each) {
  std::string row = csv_line({name});
  const auto cell = [&](double value) { row += "," + number_text(value); };
  cell(each.data.mean), cell(each.samples.mean), cell(each.data.deviation), cell(each.samples.deviation);
  for (std::size_t i = 0; i < kProbabilities.size(); ++i) cell(each.data.quantiles[i]), cell(each.samples.quantiles[i]);
  cell(each.distance);
  std::string what;
  for (const std::string& word : differences(each)) what += (what.empty() ? "" : " ") + word;
  return row + "," + what + "\n";
}

std::string describe(const std::string& name, const ColumnComparison& each) {
  std::string text = "column " + name + ": ";
  const char* separator = "";
  const auto say = [&](const char* what, double samples, double data) {
    const double deviation = each.data.deviation;
    text +=
        separator + std::string(what) + " " + text_of(samples, deviation) + ", the data's " + text_of(data, deviation);
    separator = "; ";
  };
  if (each.spread_differs) say("standard deviation", each.samples.deviation, each.data.deviation);
  if (each.center_differs) say("mean", each.samples.mean, each.data.mean);
  if (each.shape_differs && !each.spread_differs && !each.center_differs) {
    const auto &a = each.data.quantiles, &b = each.samples.quantiles;
    std::size_t most = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
      if (std::abs(b[i] - a[i]) > std::abs(b[most] - a[most])) most = i;
    say((text_of(100 * kProbabilities[most]) + " % quantile").c_str(), b[most], a[most]);
    text += " (cumulative distributions differ by up to " + text_of(each.distance) + ")";
  }
  return text;
}

}  // namespace

std::string comparison_csv(const Comparison& comparison) {
  std::string text = "column,data_mean,samples_mean,data_deviation,samples_deviation";
  for (std::size_t i = 0; i < kProbabilities.size(); ++i)
    text += ",data_" + quantile_name(i) + ",samples_" + quantile_name(i);
  text += ",distance,differs\n";
  for (std::size_t j = 0; j < comparison.columns.size(); ++j)
    text += csv_row(name_of(comparison, j), comparison.columns[j]);
  if (comparison.columns.size() > 1) text += csv_row("joint", comparison.joint);
  return text;
}

std::vector<std::string> comparison_table(const Comparison& comparison) {
  if (comparison.columns.empty()) return {};
  std::vector<Line> lines = {{"column", "", "mean", "deviation"}};
  for (const double each : kProbabilities) lines[0].push_back(text_of(100 * each) + " %");
  for (const std::size_t j : shown_columns(comparison)) {
    lines.push_back({name_of(comparison, j), "data"});
    add(lines.back(), comparison.columns[j].data, comparison.columns[j].data.deviation);
    lines.push_back({"", "samples"});
    add(lines.back(), comparison.columns[j].samples, comparison.columns[j].data.deviation);
  }
  return aligned(lines);
}

Phrase comparison_facts(const std::string& key, const Comparison& comparison) {
  Phrase facts;
  for (const std::size_t j : shown_columns(comparison)) {
    const ColumnComparison& each = comparison.columns[j];
    facts += silent(key, Members{{"column", name_of(comparison, j)},
                                 {"data", to_members(each.data)},
                                 {"samples", to_members(each.samples)},
                                 {"distance", each.distance},
                                 {"differs", list_of(differences(each))}});
  }
  return facts;
}

std::vector<std::string> describe_differences(const Comparison& comparison) {
  std::vector<std::string> lines;
  const auto total = comparison.sample_rows + comparison.not_finite;
  if (comparison.not_finite > 0)
    lines.push_back(std::to_string(comparison.not_finite) + " of " + std::to_string(total) +
                    " samples are not finite numbers");
  std::size_t differing = 0;
  for (const std::size_t j : worst_first(comparison)) {
    if (!comparison.columns[j].differs()) break;
    if (++differing <= kNamed) lines.push_back(describe(name_of(comparison, j), comparison.columns[j]));
  }
  if (differing > kNamed) lines.push_back("and " + std::to_string(differing - kNamed) + " more columns");
  if (differing == 0 && comparison.joint.shape_differs)
    lines.push_back("each column matches, but not the columns together: the median distance from the mean is " +
                    text_of(comparison.joint.samples.quantiles[2]) + ", the data's " +
                    text_of(comparison.joint.data.quantiles[2]) + " (in units of the data's covariance)");
  return lines;
}

}  // namespace scorematch::cli
