// Whole numbers in the data through `train`, `sample` and `likelihood`: the messages about them, and the effect of
// --dequantize.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "scorematch/checkpoint.h"
#include "support/arrays.h"
#include "support/command.h"

namespace scorematch::testing_support {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// The fields of each line except the header.
std::vector<std::vector<std::string>> fields_of(const std::string& csv) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& line : lines_of(csv)) {
    rows.emplace_back();
    for (std::size_t begin = 0; begin <= line.size();) {
      const std::size_t end = std::min(line.find(',', begin), line.size());
      rows.back().push_back(line.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  rows.erase(rows.begin());
  return rows;
}

bool is_whole(const std::string& text) { return text.find_first_not_of("-0123456789") == std::string::npos; }

class CommandDequantize : public CommandTest {
 protected:
  /// Columns for age, smoker, weight, and a gain with heavy tails.
  void write_table() const {
    const std::vector<double> z = normal_values(4 * kRows, 3);
    std::string text = "age,smoker,weight,gain\n";
    for (int i = 0; i < kRows; ++i) {
      const auto at = static_cast<std::size_t>(4 * i);
      char line[120];
      std::snprintf(line, sizeof line, "%d,%d,%.3f,%.4f\n", 18 + i * 7919 % 71, z[at] > 0.5 ? 1 : 0, 70 + 9 * z[at + 1],
                    z[at + 2] / std::abs(z[at + 3]));
      text += line;
    }
    write_file(path("people.csv"), text);
  }
  Finished train(const std::string& data, Arguments more) const {
    more.insert(more.begin(), {"train", data, "-o", "run", "--hidden", "16", "--steps", "200", "--samples", "100"});
    return run_well(more);
  }

  static constexpr int kRows = 600;
};

TEST_F(CommandDequantize, TheReportNamesColumnsOfWholeNumbers) {
  write_table();
  const Finished finished = train("people.csv", {});
  EXPECT_TRUE(
      contains(finished.out,
               "            columns of whole numbers: 'age' (71 different), 'smoker' (0 and 1); their density has no "
               "bound: --dequantize makes likelihoods probabilities, and samples whole numbers\n"))
      << finished.out;
  EXPECT_EQ(Checkpoint::load(path("run/model.safetensors")).metadata.count("data.grid_lowest"), 0u);
}

TEST_F(CommandDequantize, OfATableTakesItsColumnsOfWholeNumbers) {
  write_table();
  const Finished finished = train("people.csv", {"--dequantize"});
  EXPECT_TRUE(contains(finished.out,
                       "dequantized by uniform noise of one step: 'age', 'smoker'; continuous: "
                       "'weight', 'gain'\n"))
      << finished.out;
  EXPECT_TRUE(contains(finished.out, "heavy tails, modeled on a scale on which their tails are light: 'gain', 3"))
      << finished.out;
  EXPECT_FALSE(contains(finished.out, "columns of whole numbers")) << finished.out;
  EXPECT_TRUE(contains(finished.out, "rounded where the data are whole numbers")) << finished.out;
  const Checkpoint model = Checkpoint::load(path("run/model.safetensors"));
  EXPECT_EQ(model.metadata.at("data.dequantize.steps"), "1,1,0,0");
  EXPECT_EQ(model.metadata.count("data.dequantize"), 0u);

  run_well({"sample", "run/model.safetensors", "-n", "300", "-o", "new.csv"});
  std::size_t not_whole = 0;
  for (const std::vector<std::string>& row : fields_of(read_file(path("new.csv")))) {
    ASSERT_EQ(row.size(), 4u);
    EXPECT_TRUE(is_whole(row[0]) && is_whole(row[1])) << row[0] << ' ' << row[1];
    const double age = std::atof(row[0].c_str());
    EXPECT_TRUE(age >= 18 && age <= 88) << age;
    EXPECT_TRUE(row[1] == "0" || row[1] == "1") << row[1];
    not_whole += is_whole(row[2]) || is_whole(row[3]) ? 0 : 1;
  }
  EXPECT_GT(not_whole, 290u);
  run_well({"sample", "run/model.safetensors", "-n", "300", "-o", "noisy.csv", "--no-quantize"});
  for (const std::vector<std::string>& row : fields_of(read_file(path("noisy.csv")))) EXPECT_FALSE(is_whole(row[0]));

  const Finished likelihood = run_well({"likelihood", "run/model.safetensors", "people.csv", "-n", "50"});
  EXPECT_TRUE(contains(likelihood.out, "(of a probability in 2 columns (multiples of 1) and a density in 2 others)"))
      << likelihood.out;
}

// A resumed run has the same noise and gives the same model.
TEST_F(CommandDequantize, IsTheSameInARunThatIsResumed) {
  write_table();
  const Arguments options = {"people.csv", "--hidden", "8", "--steps", "20", "--samples", "0", "--dequantize"};
  const auto with = [&](Arguments more) {
    more.insert(more.begin(), options.begin(), options.end());
    more.insert(more.begin(), "train");
    return more;
  };
  run_well(with({"-o", "whole"}));
  run_well(with({"-o", "part", "--stop-after", "7"}));
  run_well({"train", "people.csv", "-o", "part", "--resume", "part", "--dequantize"});
  EXPECT_TRUE(read_file(path("whole/model.safetensors")) == read_file(path("part/model.safetensors")));
}

// Bytes that a program scaled to [-1, 1], which do not include 0.
TEST_F(CommandDequantize, OfAGridWithoutZero) {
  std::string text;
  for (int i = 0; i < 300; ++i)
    for (int j = 0; j < 4; ++j) {
      char field[32];
      const auto value = static_cast<float>((i * (j + 3) * 7919 % 251) / 127.5 - 1);
      std::snprintf(field, sizeof field, "%.9g%s", static_cast<double>(value), j < 3 ? "," : "\n");
      text += field;
    }
  write_file(path("bytes.csv"), text);
  const std::string step = "--dequantize=0.00784313725490196";
  train("bytes.csv", {step});
  const Checkpoint model = Checkpoint::load(path("run/model.safetensors"));
  EXPECT_EQ(model.metadata.at("data.grid_offset"), "-1");
  EXPECT_EQ(model.metadata.at("data.dequantize"), "0.00784313725490196");
  run_well({"sample", "run/model.safetensors", "-n", "100", "-o", "new.csv", "--image", "2x2"});
  for (const std::vector<std::string>& row : fields_of("\n" + read_file(path("new.csv"))))
    for (const std::string& each : row) {
      const double byte = (std::atof(each.c_str()) + 1) * 127.5;
      EXPECT_NEAR(byte, std::nearbyint(byte), 1e-6);
      EXPECT_TRUE(byte > -0.5 && byte < 250.5) << byte;
    }
  const Finished likelihood = run_well({"likelihood", "run/model.safetensors", "bytes.csv", "-n", "20"});
  EXPECT_TRUE(contains(likelihood.out, "(of data that are -1 plus multiples of 0.00784313725490196)"));
  write_file(path("off.csv"), "-1,-1,-1,-1\n-1,-1,0,-1\n");
  const Finished off = run({"likelihood", "run/model.safetensors", "off.csv"});
  EXPECT_EQ(off.exit_code, 1);
  EXPECT_EQ(off.err,
            "scorematch: DATA: expected -1 plus multiples of --dequantize 0.00784313725490196, such as -0.00392156863 "
            "or 0.00392156863, got 0 in row 1, column 2 (from 0)\n");
  EXPECT_EQ(off.out, "");
}

// Large values are written without an exponent and without the digits of the noise.
TEST_F(CommandDequantize, SamplesOfLargeWholeNumbersHaveNoExponent) {
  std::string text = "income\n";
  for (int i = 0; i < 200; ++i) text += std::to_string(100'000 + 100 * (i * 7919 % 997)) + "\n";
  write_file(path("incomes.csv"), text);
  train("incomes.csv", {"--dequantize=100"});
  run_well({"sample", "run/model.safetensors", "-n", "200", "-o", "new.csv"});
  for (const std::vector<std::string>& row : fields_of(read_file(path("new.csv")))) {
    EXPECT_TRUE(is_whole(row[0])) << row[0];
    EXPECT_EQ(std::atoi(row[0].c_str()) % 100, 0) << row[0];
  }
}

// Without centering, adjacent float32 numbers are 128 apart here.
TEST_F(CommandDequantize, OfValuesWhoseNoiseFloat32CannotHoldIsRefused) {
  std::string text = "time\n";
  for (int i = 0; i < 100; ++i) text += std::to_string(1'600'000'000 + i * 37 % 91) + "\n";
  write_file(path("times.csv"), text);
  const Finished refused = run({"train", "times.csv", "-o", "run", "--dequantize", "--standardize", "none"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_TRUE(contains(refused.err,
                       "--standardize: expected scale, column or whiten, because with none --dequantize takes "
                       "values of at most 2^20 steps of 1 and column 'time', 0 (from 0) has 1600000090, "
                       "got none\n"))
      << refused.err;
  train("times.csv", {"--dequantize"});
  run_well({"sample", "run/model.safetensors", "-n", "100", "-o", "new.csv"});
  for (const std::vector<std::string>& row : fields_of(read_file(path("new.csv")))) {
    EXPECT_TRUE(is_whole(row[0])) << row[0];
    EXPECT_TRUE(row[0].rfind("16000000", 0) == 0) << row[0];
  }
}

TEST_F(CommandDequantize, MetadataThatDoNotFitAreRefused) {
  write_table();
  train("people.csv", {"--dequantize"});
  Checkpoint model = Checkpoint::load(path("run/model.safetensors"));
  model.metadata["data.dequantize.steps"] = "1,1,0";
  model.save(path("short.safetensors"));
  for (const Arguments& arguments :
       {Arguments{"sample", "short.safetensors", "-o", "new.csv"}, {"likelihood", "short.safetensors", "people.csv"}}) {
    const Finished refused = run(arguments);
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_EQ(refused.err,
              "scorematch: MODEL: expected 1 or 4 numbers in its metadata 'data.dequantize.steps', got 3\n");
  }
}

}  // namespace
}  // namespace scorematch::testing_support
