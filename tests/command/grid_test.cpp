// Columns on a grid: how the grid is found, refused, recorded and restored in samples.
#include "cli/data/grid.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "cli/data/whole_numbers.h"
#include "scorematch/error.h"

namespace scorematch::testing_support {
namespace {

using cli::Dequantization;
using cli::find_grid;
using cli::Grid;
using cli::Table;
using Columns = Dequantization::Columns;
using Values = std::vector<double>;

const Dequantization kWhole{Columns::whole_numbers, 1};

Dequantization all(double step) { return {Columns::all, step}; }

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    return error.what();
  }
  return "";
}

std::string refusal(const Table& data, const Dequantization& how) {
  return refusal([&] { find_grid(data, how); });
}

/// Bytes scaled to [low, high], as a program stores them.
Table scaled_bytes(double low, double high) {
  Table data{1, 256, {}};
  for (int i = 0; i < 256; ++i)
    data.values.push_back(
        static_cast<double>(static_cast<float>(low) + static_cast<float>(high - low) * static_cast<float>(i) / 255.0f));
  data.rows = 256, data.cols = 1;
  return data;
}

TEST(Grid, AloneTakesTheColumnsOfWholeNumbers) {
  const Table data{3, 4, {5, 0.5, 1, -7, 6, 1, 0, -7, 9, 2, 1, -7}};
  const Grid grid = find_grid(data, kWhole);
  EXPECT_EQ(grid.steps, (Values{1, 0, 1, 1}));
  EXPECT_EQ(grid.offsets, (Values{0, 0, 0, 0}));
  EXPECT_EQ(grid.lowest, (Values{5, 0, 0, -7}));
  EXPECT_EQ(grid.highest, (Values{9, 0, 1, -7}));
  EXPECT_EQ(grid.column_count(), 3u);
  EXPECT_EQ(grid.log_cell(), 0);
  EXPECT_TRUE(find_grid(data, {}).empty());
}

// float32 has enough digits for a whole number plus noise only up to a limit.
TEST(Grid, AloneLeavesColumnsThatSpanTooMuchContinuous) {
  const double span = 1 << 20;
  const Table data{2, 3, {0, 0, 1.6e9, span, span + 1, 1.6e9 + 5}};
  const Grid grid = find_grid(data, kWhole);
  EXPECT_EQ(grid.steps, (Values{1, 0, 1}));
  EXPECT_EQ(grid.offsets[2], 0.0 + 1.6e9);
  const Table wide{2, 1, {0, span + 1}};
  EXPECT_EQ(refusal(wide, kWhole),
            "DATA: expected a column of whole numbers that span at most 2^20 for --dequantize, got 0 to 1048577 in "
            "column 0 (from 0)");
}

TEST(Grid, AloneNeedsAColumnOfWholeNumbers) {
  const Table data{2, 2, {1, 0.25, 1.5, 2}, cli::Element::text, {"a", "b"}};
  EXPECT_EQ(refusal(data, kWhole),
            "DATA: expected a column of whole numbers for --dequantize, or --dequantize=S for multiples of S, got 0.25 "
            "in row 0, column 'b', 1 (from 0)");
}

TEST(Grid, OfAStepIsOfAllColumnsAndItsOffsetIsFound) {
  // 0 if all values are multiples, else the lowest value of the data, else that of the column.
  const Grid grid = find_grid({3, 3, {0.5, -0.25, 0.125, 1, 0.75, 0.625, -2, 0.25, 1.125}}, all(0.5));
  EXPECT_EQ(grid.steps, (Values{0.5, 0.5, 0.5}));
  EXPECT_EQ(grid.offsets, (Values{0, -0.25, 0.125}));
  EXPECT_NEAR(grid.log_cell(), 3 * std::log(0.5), 1e-12);
  EXPECT_EQ(find_grid({2, 2, {-1, 5, 2, 2}}, all(3)).offsets, (Values{-1, -1}));  // a single offset if possible
}

TEST(Grid, OfBytesAsProgramsScaleThem) {
  for (const double step : {1.0 / 255, static_cast<double>(1.0f / 255)}) {
    const Grid grid = find_grid(scaled_bytes(0, 1), all(step));
    EXPECT_EQ(grid.offsets, Values{0});
  }
  EXPECT_NE(refusal(scaled_bytes(0, 1), all(1.0 / 256)), "");
  const Table data = scaled_bytes(-1, 1);
  const Grid grid = find_grid(data, all(2.0 / 255));
  EXPECT_EQ(grid.offsets, Values{-1});
  EXPECT_EQ(grid.description(), "data that are -1 plus multiples of 0.00784313725490196");
  // Samples in the middle of a cell return to its value.
  Table samples = data;
  for (double& each : samples.values) each += 1.0 / 255;
  cli::to_grid(samples, grid);
  for (std::size_t i = 0; i < 256; ++i) EXPECT_NEAR(samples.values[i], data.values[i], 1e-7) << i;
  EXPECT_NE(refusal(data, all(2.0 / 256)), "");
}

TEST(Grid, ValuesOffItAreRefusedWithTheirPlaceAndNeighbors) {
  EXPECT_EQ(refusal({2, 2, {1, 2, 2.5, 4}}, all(1)),
            "DATA: expected multiples of --dequantize 1, such as 2 or 3, got 2.5 in row 1, column 0 (from 0)");
  EXPECT_EQ(refusal({2, 2, {0, -0.25, 1, 0.1}, cli::Element::text, {"a", "b"}}, all(0.5)),
            "DATA: expected -0.25 plus multiples of --dequantize 0.5, such as -0.25 or 0.25, got 0.1 in row 1, column "
            "'b', 1 (from 0)");
  EXPECT_NE(refusal({2, 1, {0, 1.0001}}, all(1)), "");
  EXPECT_EQ(refusal({2, 1, {0, 2e6}}, all(1)),
            "DATA: expected at most 2^20 steps of --dequantize 1 from 0, got 2e+06 in row 1, column 0 (from 0)");
  EXPECT_EQ(refusal({3, 1, {-65535, 0, 983041}}, all(1)), "");
  // Data other than those in which the grid was found.
  const Grid grid = find_grid({2, 2, {0.5, 0.1, 1.5, 0.2}}, {Columns::all, 0.1});
  const Grid whole = find_grid({2, 2, {3, 0.1, 4, 0.2}}, kWhole);
  EXPECT_EQ(refusal([&] { cli::check_grid({1, 2, {12, 0.777}}, whole); }), "");
  EXPECT_EQ(refusal([&] {
              cli::check_grid({2, 2, {12, 0.777, 12.25, 0.5}}, whole);
            }),
            "DATA: expected multiples of --dequantize 1, such as 12 or 13, got 12.25 in row 1, column 0 (from 0)");
  EXPECT_NE(refusal([&] { cli::check_grid({1, 2, {0.55, 0.1}}, grid); }), "");
}

TEST(Grid, SamplesGoDownToItWithinTheRangeOfTheirColumn) {
  Table samples{3, 2, {-3.7, -3.7, -0.01, -0.01, 99, 99}};
  cli::to_grid(samples, {{0.5, 0}, {0, 0}, {-2, 0}, {3, 0}});
  EXPECT_EQ(samples.values, (Values{-2, -3.7, -0.5, -0.01, 3, 99}));
  Table shifted{4, 1, {-1.2, -0.9, -0.4, 0.3}};
  cli::to_grid(shifted, {{0.5}, {-1.25}, {-1.25}, {-0.25}});
  EXPECT_EQ(shifted.values, (Values{-1.25, -1.25, -0.75, -0.25}));
  Table zero{1, 1, {-0.3}};
  cli::to_grid(zero, {{1}, {0}, {0}, {1}});
  EXPECT_FALSE(std::signbit(zero.values[0]));
}

Checkpoint model_of(std::size_t columns, std::map<std::string, std::string> metadata) {
  Checkpoint model;
  model.net = MlpShape::score(static_cast<int>(columns), {4});
  model.standardization = {Values(columns, 0.0), Values(columns, 1.0)};
  model.metadata = std::move(metadata);
  return model;
}

TEST(Grid, IsRecordedInTheModel) {
  const Grid grids[] = {{{1, 1}, {0, 0}, {0, 2}, {9, 9}},
                        {{1, 0}, {0, 0}, {-3, 0}, {7, 0}},
                        {{2.0 / 255, 2.0 / 255}, {-1, -1}, {-1, -1}, {1, 1}},
                        {{0.5, 0.5}, {0, 0.25}, {0, 0.25}, {1, 3.25}}};
  for (const Grid& grid : grids) {
    std::map<std::string, std::string> metadata;
    cli::write_grid(grid, metadata);
    const Grid back = cli::read_grid(model_of(2, metadata));
    EXPECT_EQ(back.steps, grid.steps);
    EXPECT_EQ(back.offsets, grid.offsets);
    EXPECT_EQ(back.lowest, grid.lowest);
    EXPECT_EQ(back.highest, grid.highest);
    // Earlier versions read one step for all columns, so it must be absent if a column has another one.
    EXPECT_EQ(metadata.count("data.dequantize"), grid.steps[0] == grid.steps[1] ? 1u : 0u);
  }
  std::map<std::string, std::string> none;
  cli::write_grid({}, none);
  EXPECT_TRUE(none.empty());
  EXPECT_TRUE(cli::read_grid(model_of(2, {})).empty());
}

TEST(Grid, OfModelsOfEarlierVersionsIsOfAllColumns) {
  Checkpoint model = model_of(3, {{"data.dequantize", "2"}, {"data.lowest", "-4"}, {"data.highest", "8"}});
  model.standardization.scale[1] = 0;  // constant, so there was no noise
  model.net.dim = 2;
  const Grid grid = cli::read_grid(model);
  EXPECT_EQ(grid.steps, (Values{2, 0, 2}));
  EXPECT_EQ(grid.offsets, (Values{0, 0, 0}));
  EXPECT_EQ(grid.lowest, (Values{-4, -4, -4}));
  EXPECT_EQ(grid.highest, (Values{8, 8, 8}));
  EXPECT_NEAR(grid.log_cell(), 2 * std::log(2.0), 1e-12);
}

TEST(Grid, WrongMetadataAreRefused) {
  const auto refused = [](const char* key, const char* text) {
    std::map<std::string, std::string> metadata = {{"data.dequantize", "1"}};
    metadata[key] = text;
    return refusal([&] { cli::read_grid(model_of(3, metadata)); });
  };
  EXPECT_EQ(refused("data.dequantize.steps", "1,0"),
            "MODEL: expected 1 or 3 numbers in its metadata 'data.dequantize.steps', got 2");
  for (const char* key : {"data.dequantize.steps", "data.grid_offset", "data.grid_lowest", "data.grid_highest"})
    for (const char* text : {"", "1,,2", "1,x,2", "1,2,3,", "nan", "1e999", "1 ,2,3"})
      EXPECT_NE(refused(key, text).find(std::string("numbers separated by commas in its metadata '") + key + "'"),
                std::string::npos)
          << key << " " << text << refused(key, text);
}

std::string note(const Table& data, const Grid& grid) {
  std::vector<std::string> notes;
  cli::note_whole_numbers(data, grid, notes);
  EXPECT_LE(notes.size(), 1u);
  return notes.empty() ? "" : notes[0];
}

TEST(WholeNumbers, AreNotedWithWhatToDo) {
  const std::string advice =
      " density has no bound: --dequantize makes likelihoods probabilities, and samples whole numbers";
  // The last column is whole and constant. The one before it is not whole.
  const Table data{3, 4, {20, 1, 0.5, 7, 30, 0, 1, 7, 31, 1, 2, 7}, cli::Element::text, {"age", "smoker", "x", "c"}};
  EXPECT_EQ(note(data, {}), "columns of whole numbers: 'age' (3 different), 'smoker' (0 and 1); their" + advice);
  EXPECT_EQ(note({2, 2, {-1, 0.5, 5, 1}}, {}), "column of whole numbers: 0 (-1 and 5); its" + advice);
  EXPECT_EQ(note({2, 2, {0.5, 3, 1, 3}}, {}), "");
  Table wide{3, 8, {}};
  for (int i = 0; i < 24; ++i) wide.values.push_back(i / 8 * (i % 8 == 2 ? 0.5 : 1));
  EXPECT_EQ(note(wide, {}),
            "columns of whole numbers: 0 (3 different), 1 (3 different), 3 (3 different), 4 (3 different), 5 (3 "
            "different) and 2 more; their" +
                advice);
  for (int i = 0; i < 3; ++i) wide.values[static_cast<std::size_t>(8 * i + 2)] = i % 2;
  EXPECT_EQ(note(wide, {}), "all columns are whole numbers (2 to 3 different); their" + advice);
  EXPECT_EQ(note(data, find_grid(data, kWhole)),
            "dequantized by uniform noise of one step: 'age', 'smoker', 'c'; continuous: 'x'");
  EXPECT_EQ(note(wide, find_grid(wide, kWhole)), "dequantized by uniform noise of one step: all columns");
}

}  // namespace
}  // namespace scorematch::testing_support
