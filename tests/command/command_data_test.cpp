// `scorematch train` on data files of every format: the same numbers give the same model, which records their type.
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "cli/files/npy.h"
#include "scorematch/checkpoint.h"
#include "support/arrays.h"
#include "support/command.h"

namespace scorematch::testing_support {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

class CommandData : public CommandTest {};

// Times within one Julian day, for which float32 has only eight numbers.
TEST_F(CommandData, SamplesHaveTheResolutionOfTheData) {
  std::ofstream text(path("days.csv"));
  text.precision(17);
  for (int i = 0; i < 500; ++i) text << 2459000.5 + (i * 7919 % 500) / 500.0 << "\n";
  text.close();
  run_well({"train", "days.csv", "-o", "run", "--steps", "5", "--hidden", "8"});
  run_well({"sample", "run/model.safetensors", "-n", "200", "-o", "samples.npy", "--steps", "5"});
  EXPECT_NE(read_file(path("samples.npy")).find("'<f8'"), std::string::npos);
  const cli::Table samples = cli::read_npy(path("samples.npy"));
  EXPECT_GT(std::set<double>(samples.values.begin(), samples.values.end()).size(), 190u);
}

TEST_F(CommandData, ReportsTheDataAndDropsRowsOnRequest) {
  std::string text = "length,width\n";
  for (int i = 0; i < 60; ++i) text += std::to_string(i % 7) + "," + (i % 20 == 3 ? "NA" : std::to_string(i)) + "\n";
  write_file(path("data.csv"), text);
  const Finished refused = run({"train", "data.csv", "-o", "run"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_TRUE(contains(refused.err, "line 5, field 2 (column 'width'): found 'NA', a missing value")) << refused.err;
  const Arguments drop = {"train", "data.csv", "-o", "run", "--missing", "drop", "--hidden", "8", "--steps", "10"};
  const Finished finished = run_well(drop);
  EXPECT_TRUE(contains(finished.out, "data        57 x 2, columns length, width, 3 rows with missing values dropped\n"))
      << finished.out;
  const Checkpoint model = Checkpoint::load(path("run/model.safetensors"));
  EXPECT_EQ(model.metadata.at("data.columns"), "length,width");
  EXPECT_EQ(model.metadata.at("data.dropped_rows"), "3");
  // A resumed run drops them again and gives the same model.
  Arguments stopped = drop;
  stopped[3] = "stopped";
  stopped.insert(stopped.end(), {"--stop-after", "4"});
  run_well(stopped);
  run_well({"train", "data.csv", "-o", "stopped", "--resume", "stopped"});
  EXPECT_TRUE(read_file(path("stopped/model.safetensors")) == read_file(path("run/model.safetensors")));
  run_well({"sample", "run/model.safetensors", "-n", "3", "-o", "new.csv", "--steps", "3"});
  EXPECT_EQ(lines_of(read_file(path("new.csv")))[0], "length,width");
}

TEST_F(CommandData, Float64AndBytesTrainAsFloat32Does) {
  std::string doubles, bytes;
  cli::Matrix floats{50, 3, {}};
  for (int i = 0; i < 150; ++i) {
    const double value = i * 37 % 101;
    doubles.append(reinterpret_cast<const char*>(&value), sizeof value);
    bytes += static_cast<char>(value);
    floats.values.push_back(static_cast<float>(value));
  }
  const auto npy = [](const std::string& descr, const std::string& data) {
    const std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (50, 3), }\n";
    return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header + data;
  };
  write_file(path("doubles.npy"), npy("<f8", doubles));
  write_file(path("bytes.npy"), npy("|u1", bytes));
  cli::write_npy(path("floats.npy"), floats);
  for (const std::string name : {"floats", "doubles", "bytes"})
    run_well({"train", name + ".npy", "-o", name, "--hidden", "8", "--batch", "16", "--steps", "5"});
  const Checkpoint of_floats = Checkpoint::load(path("floats/model.safetensors"));
  for (const auto& [name, element] : {std::pair{"doubles", "float64"}, std::pair{"bytes", "uint8"}}) {
    Checkpoint other = Checkpoint::load(path(std::string(name) + "/model.safetensors"));
    EXPECT_EQ(other.metadata.at("data.element"), element);
    other.metadata["data.element"] = "float32";
    other.save(path("other.safetensors"));
    EXPECT_TRUE(read_file(path("other.safetensors")) == read_file(path("floats/model.safetensors"))) << name;
  }
  EXPECT_EQ(of_floats.metadata.at("data.element"), "float32");
}

TEST_F(CommandData, TextTrainsAsTheSameNumbersDo) {
  const std::vector<double> z = normal_values(2000, 1);
  const cli::Matrix data{1000, 2, {z.begin(), z.end()}};
  cli::write_npy(path("data.npy"), data);
  std::ofstream text(path("data.csv"));
  text.precision(17);  // all digits of the float as a double
  for (std::int64_t i = 0; i < data.rows; ++i)
    for (std::int64_t j = 0; j < data.cols; ++j)
      text << static_cast<double>(data.values[static_cast<std::size_t>(i * data.cols + j)])
           << (j + 1 < data.cols ? "," : "\n");
  text.close();
  for (const std::string kind : {"npy", "csv"})
    run_well({"train", "data." + kind, "-o", kind, "--steps", "5", "--hidden", "8"});
  Checkpoint of_text = Checkpoint::load(path("csv/model.safetensors"));
  EXPECT_EQ(of_text.metadata.at("data.element"), "text");
  of_text.metadata["data.element"] = "float32";
  of_text.save(path("other.safetensors"));
  EXPECT_TRUE(read_file(path("npy/model.safetensors")) == read_file(path("other.safetensors")));
}

}  // namespace
}  // namespace scorematch::testing_support
