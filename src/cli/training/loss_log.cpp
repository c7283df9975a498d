#include "cli/training/loss_log.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <sstream>

#include "formats/spec_text.h"
#include "scorematch/error.h"

namespace scorematch::cli {
namespace {

constexpr std::int64_t kRows = 400;        // besides those of held-out losses
constexpr std::int64_t kValidations = 20;  // over a run
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// A checkpoint stores the log as columns, and the sums since its last row.
constexpr const char* kColumns[] = {"step",           "loss.count",    "loss.mean",   "loss.m2",
                                    "held_out.count", "held_out.mean", "held_out.m2", "learning_rate"};
using Cells = std::array<double, std::size(kColumns)>;
const std::string kPrefix = "train.log.";
const std::string kPartial = "train.partial";

Cells cells_of(const LossRow& row) {
  const Estimate &a = row.training, b = row.held_out.value_or(Estimate{});
  return {static_cast<double>(row.step), a.count, a.mean, a.m2, b.count, b.mean, b.m2, row.learning_rate};
}

LossRow row_of(const Cells& c) {
  LossRow row{static_cast<std::int64_t>(c[0]), {c[1], c[2], c[3]}, {}, c[7], kUnknown};
  if (c[4] > 0) row.held_out = Estimate{c[4], c[5], c[6]};
  return row;
}

std::string cell(double value) { return std::isnan(value) ? "nan" : number_text(value); }  // never "-nan"

[[noreturn]] void refuse(const std::string& path, const std::string& array, const std::string& expected,
                         const std::string& got) {
  throw Error(ErrorCode::io, path, path + ": array '" + array + "': expected " + expected + ", got " + got);
}

const std::vector<double>& find(const std::string& path, const LossLog::Arrays& arrays, const std::string& name,
                                std::size_t size) {
  const auto found = arrays.find(name);
  if (found == arrays.end()) refuse(path, name, std::to_string(size) + " values", "nothing");
  if (found->second.size() != size)
    refuse(path, name, std::to_string(size) + " values", std::to_string(found->second.size()));
  return found->second;
}

template <class T>
bool parse(const std::string& text, T& value) {
  const char* const end = text.data() + text.size();
  const auto [read_to, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && read_to == end;
}

}  // namespace

double mean_of(const Estimate& loss) { return loss.count > 0 ? loss.mean : kUnknown; }

LossLog::LossLog(std::int64_t steps)
    : row_every_((steps + kRows - 1) / kRows), validate_every_((steps + kValidations - 1) / kValidations) {}

void LossLog::add(const Estimate& loss) {
  if (std::isfinite(loss.mean)) since_row_ = since_row_.merged(loss);
}

void LossLog::after_step(std::int64_t step, double rate, double seconds, const std::optional<Estimate>& held_out) {
  if (step % row_every_ != 0 && !held_out) return;
  rows_.push_back({step, since_row_, held_out, rate, seconds});
  since_row_ = {};
}

void LossLog::end(std::int64_t step, double rate, double seconds, const std::optional<Estimate>& held_out) {
  end_ = LossRow{step, since_row_, held_out, rate, seconds};
  if (!rows_.empty() && rows_.back().step == step) end_->training = rows_.back().training;
}

std::vector<LossRow> LossLog::rows() const {
  std::vector<LossRow> all = rows_;
  if (end_ && !all.empty() && all.back().step == end_->step) all.pop_back();
  if (end_) all.push_back(*end_);
  return all;
}

std::string LossLog::csv() const {
  std::string text = "step,loss,standard_error,held_out_loss,held_out_standard_error,learning_rate,seconds\n";
  for (const LossRow& row : rows()) {
    text += std::to_string(row.step) + "," + cell(mean_of(row.training)) + "," + cell(row.training.standard_error()) +
            "," + (row.held_out ? cell(row.held_out->mean) : "") + "," +
            (row.held_out ? cell(row.held_out->standard_error()) : "") + "," + cell(row.learning_rate) + "," +
            (std::isnan(row.seconds) ? "" : cell(std::round(row.seconds * 1e3) / 1e3)) + "\n";
  }
  return text;
}

std::vector<LossPoint> LossLog::training_curve() const {
  std::vector<LossPoint> curve;
  for (const LossRow& row : rows()) curve.push_back({row.step, mean_of(row.training), row.training.standard_error()});
  return curve;
}

std::vector<LossPoint> LossLog::held_out_curve() const {
  std::vector<LossPoint> curve;
  for (const LossRow& row : rows())
    if (row.held_out) curve.push_back({row.step, row.held_out->mean, row.held_out->standard_error()});
  return curve;
}

void LossLog::save(Arrays& arrays) const {
  for (const char* column : kColumns) arrays[kPrefix + column] = {};
  for (const LossRow& row : rows_) {
    const Cells cells = cells_of(row);
    for (std::size_t j = 0; j < cells.size(); ++j) arrays[kPrefix + kColumns[j]].push_back(cells[j]);
  }
  arrays[kPartial] = {since_row_.count, since_row_.mean, since_row_.m2};
}

void LossLog::restore(const std::string& path, const Arrays& arrays, std::int64_t step) {
  const std::string first = kPrefix + kColumns[0];
  const auto steps = arrays.find(first);
  if (steps == arrays.end()) refuse(path, first, "the losses of the run", "nothing");
  rows_.clear();
  for (std::size_t i = 0; i < steps->second.size(); ++i) {
    Cells cells;
    for (std::size_t j = 0; j < cells.size(); ++j)
      cells[j] = find(path, arrays, kPrefix + kColumns[j], steps->second.size())[i];
    const double before = rows_.empty() ? 0 : static_cast<double>(rows_.back().step);
    if (!(cells[0] > before && cells[0] <= static_cast<double>(step)) || cells[0] != std::floor(cells[0]))
      refuse(path, first, "whole numbers that rise to " + std::to_string(step) + " at most", number_text(cells[0]));
    rows_.push_back(row_of(cells));
  }
  const std::vector<double>& partial = find(path, arrays, kPartial, 3);
  since_row_ = {partial[0], partial[1], partial[2]};
}

double LossLog::restore_seconds(const std::string& csv, std::int64_t step) {
  std::istringstream lines(csv);
  std::map<std::int64_t, double> known;
  double last = 0;
  for (std::string line; std::getline(lines, line);) {
    std::int64_t at = 0;
    double seconds = 0;
    if (!parse(line.substr(0, line.find(',')), at) || !parse(line.substr(line.rfind(',') + 1), seconds)) continue;
    if (at > step || !(seconds >= last) || !std::isfinite(seconds)) continue;
    known[at] = last = seconds;
  }
  for (LossRow& row : rows_)
    if (const auto found = known.find(row.step); found != known.end()) row.seconds = found->second;
  return last;
}

}  // namespace scorematch::cli
