// The files and pictures of `scorematch sample`.
#include <gtest/gtest.h>

#include <cmath>

#include "cli/files/data_file.h"
#include "cli/files/npy.h"
#include "cli/plots/contact_sheet.h"
#include "cli/plots/scatter_plot.h"
#include "scorematch/checkpoint.h"
#include "support/arrays.h"
#include "support/command.h"
#include "support/gaussian_model.h"
#include "support/png.h"
#include "support/statistics.h"

namespace scorematch::testing_support {
namespace {

TEST_F(CommandSample, ImagesAreAContactSheet) {
  Checkpoint model = gaussian_model(std::vector<double>(12, 8.0), std::vector<double>(12, 16.0));
  model.metadata["data.lowest"] = "0";
  model.metadata["data.highest"] = "16";
  model.save(path("model.safetensors"));
  const cli::Matrix samples = sample({"-n", "10", "--image", "3x4"});
  const cli::Canvas sheet = cli::contact_sheet(samples, 3, 4, {0, 16, 0, 0});
  const Picture picture = read_png(path("samples.png"));
  EXPECT_EQ(picture.width, sheet.width());
  EXPECT_EQ(picture.height, sheet.height());
  EXPECT_TRUE(picture.pixels == sheet.pixels());

  sample({"-n", "10", "--image", "12x1", "--picture", "tall.png"});
  EXPECT_TRUE(read_png(path("tall.png")).pixels == cli::contact_sheet(samples, 12, 1, {0, 16, 0, 0}).pixels());
}

TEST_F(CommandSample, ImagesOfDataThatWasAllOneValueAreDrawn) {
  Checkpoint model = gaussian_model({5, 5}, {1, 1});
  model.metadata["data.lowest"] = model.metadata["data.highest"] = "5";
  model.save(path("model.safetensors"));
  sample({"-n", "3", "--image", "1x2"});
  EXPECT_GT(read_png(path("samples.png")).width, 0);
}

/// The mean difference of the pixel values, out of 255, of two pictures of the same size.
double mean_difference(const Picture& a, const cli::Canvas& b) {
  if (a.width != b.width() || a.height != b.height()) return 255;
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(int{a.pixels[i]} - int{b.pixels()[i]});
  return sum / static_cast<double>(a.pixels.size());
}

TEST_F(CommandSample, PointsAreDrawnBesideTheDataWithTheScoreInItsUnits) {
  const double mean[] = {10, -3}, scale[] = {2, 0.5}, sigma = 0.3;
  gaussian_model({10, -3}, {2, 0.5}).save(path("model.safetensors"));
  cli::Matrix data{300, 2, {}};
  const std::vector<double> z = normal_values(600, 4);
  for (std::size_t i = 0; i < z.size(); ++i)
    data.values.push_back(static_cast<float>(mean[i % 2] + kSigmaData * scale[i % 2] * z[i]));
  cli::write_npy(path("data.npy"), data);
  const cli::Matrix samples = sample({"-n", "200", "--data", "data.npy", "--arrow-sigma", "0.3"});
  ASSERT_EQ(samples.rows, 200);

  // d ln p / dx_j = -(x_j - mean_j) / scale_j^2 / (sigma^2 + sigma_data^2)
  const cli::Matrix grid = cli::arrow_grid(data, samples, 21);
  std::vector<cli::Arrow> field, wrong;
  for (std::size_t i = 0; i < grid.values.size(); i += 2) {
    double score[2];
    for (std::size_t j = 0; j < 2; ++j)
      score[j] = -(static_cast<double>(grid.values[i + j]) - mean[j]) / (scale[j] * scale[j]) /
                 (sigma * sigma + kSigmaData * kSigmaData);
    const double x = static_cast<double>(grid.values[i]), y = static_cast<double>(grid.values[i + 1]);
    field.push_back({x, y, score[0], score[1]});
    wrong.push_back({x, y, score[0] * scale[0], score[1] * scale[1]});  // wrongly in units of the model
  }
  const Picture picture = read_png(path("samples.png"));
  EXPECT_LT(mean_difference(picture, cli::scatter_plot(data, samples, field, "data and samples")), 0.01);
  EXPECT_GT(mean_difference(picture, cli::scatter_plot(data, samples, wrong, "data and samples")), 0.1);
  EXPECT_GT(mean_difference(picture, cli::scatter_plot(data, samples, {}, "data and samples")), 0.1);
}

// f = a/2 |x|^2 with a = -1 / (sigma^2 + sigma_data^2), x in model units.
TEST_F(CommandSample, AnEnergyNetsDensityIsDrawnToo) {
  Checkpoint model = gaussian_model({10, -3}, {2, 0.5});
  model.net.kind = MlpShape::Kind::energy;
  model.params.assign(static_cast<std::size_t>(model.net.param_count()), 0.0f);
  model.save(path("model.safetensors"));
  cli::Matrix data{2, 2, {8, -4, 12, -2}};
  cli::write_npy(path("data.npy"), data);
  const cli::Matrix samples = sample({"-n", "200", "--data", "data.npy", "--arrow-sigma", "0.3"});
  std::vector<double> heights;
  std::vector<cli::Arrow> field;
  const double a = -1 / (0.3 * 0.3 + kSigmaData * kSigmaData);
  const auto in_model = [](float x, float y) {
    return std::pair{(static_cast<double>(x) - 10) / 2, (static_cast<double>(y) + 3) / 0.5};
  };
  const cli::Matrix grid = cli::arrow_grid(data, samples, 160), places = cli::arrow_grid(data, samples, 21);
  for (std::size_t i = 0; i < grid.values.size(); i += 2) {
    const auto [x, y] = in_model(grid.values[i], grid.values[i + 1]);
    heights.push_back(0.5 * a * (x * x + y * y));
  }
  for (std::size_t i = 0; i < places.values.size(); i += 2) {
    const auto [x, y] = in_model(places.values[i], places.values[i + 1]);
    field.push_back(
        {static_cast<double>(places.values[i]), static_cast<double>(places.values[i + 1]), a * x / 2, a * y / 0.5});
  }
  const Picture picture = read_png(path("samples.png"));
  EXPECT_LT(mean_difference(picture, cli::scatter_plot(data, samples, field, "data and samples", heights)), 0.01);
  EXPECT_GT(mean_difference(picture, cli::scatter_plot(data, samples, field, "data and samples")), 0.1);
}

TEST_F(CommandSample, TheNameSaysWhatIsWritten) {
  Checkpoint model = gaussian_model({10, -3}, {2, 0.5f});
  model.save(path("model.safetensors"));
  const cli::Matrix samples = sample({"-n", "20"});
  run_well({"sample", "model.safetensors", "-n", "20", "-o", "plain.CSV"});
  const cli::Table plain = cli::read_data(path("plain.CSV"));
  EXPECT_TRUE(plain.columns.empty());
  EXPECT_EQ(cli::rounded(plain).values, samples.values);  // text has all digits of a float32
  // Samples have the names and the resolution of the training data.
  model.metadata["data.element"] = "float64";
  model.metadata["data.columns"] = "a,\"b, c\"";
  model.save(path("model.safetensors"));
  run_well({"sample", "model.safetensors", "-n", "20", "-o", "named.csv"});
  run_well({"sample", "model.safetensors", "-n", "20", "-o", "wide.npy"});
  const cli::Table named = cli::read_data(path("named.csv")), wide = cli::read_npy(path("wide.npy"));
  EXPECT_EQ(named.columns, (std::vector<std::string>{"a", "b, c"}));
  EXPECT_EQ(lines_of(read_file(path("named.csv")))[0], "a,\"b, c\"");
  EXPECT_EQ(wide.element, cli::Element::float64);
  EXPECT_EQ(named.values, wide.values);
  EXPECT_NE(cli::widened(cli::rounded(wide)).values, wide.values);
  EXPECT_EQ(cli::rounded(wide).values, samples.values);
}

TEST_F(CommandSample, DataWithMissingValuesAreRefusedOrDropped) {
  gaussian_model({0, 0}, {1, 1}).save(path("model.safetensors"));
  write_file(path("data.csv"), "x,y\n1,2\nNA,3\n0,1\n");
  const Arguments drawn = {"sample", "model.safetensors", "-o", "samples.npy", "--data", "data.csv"};
  const Finished refused = run(drawn);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("line 3, field 1"), std::string::npos) << refused.err;
  Arguments dropped = drawn;
  dropped.insert(dropped.end(), {"--missing", "drop"});
  run_well(dropped);
  EXPECT_GT(read_png(path("samples.png")).width, 0);
  const Finished alone = run({"sample", "model.safetensors", "-o", "samples.npy", "--missing", "drop"});
  EXPECT_NE(alone.exit_code, 0);
  EXPECT_NE(alone.err.find("--missing: needs --data"), std::string::npos) << alone.err;
}

TEST_F(CommandSample, ASecondRunReplacesItsFiles) {
  gaussian_model({0, 0}, {1, 1}).save(path("model.safetensors"));
  sample({"-n", "500", "--image", "1x2"});
  EXPECT_EQ(sample({"-n", "3", "--image", "1x2"}).rows, 3);
  EXPECT_EQ(listing().size(), 3u);  // the model, the samples, the picture
}

TEST_F(CommandSample, WithoutACountOrAPictureItDrawsAHundredSamplesAndSaysSo) {
  gaussian_model({0}, {1}).save(path("model.safetensors"));
  const Finished finished = run_well({"sample", "model.safetensors", "-o", "samples.npy"});
  EXPECT_EQ(cli::read_npy(path("samples.npy")).rows, 100);
  EXPECT_NE(finished.out.find("wrote       samples.npy\n"), std::string::npos) << finished.out;
  EXPECT_EQ(finished.err, "");
  EXPECT_EQ(listing().size(), 2u);
}

// Samples of N(5, 3^2) from a model whose data were whole numbers from 0 to 7.
TEST_F(CommandSample, OntoTheGridOfDequantizedData) {
  Checkpoint model = gaussian_model({5, 5, 5, 5}, {6, 6, 6, 6});
  model.metadata["data.dequantize"] = "1";
  model.metadata["data.lowest"] = "0";
  model.metadata["data.highest"] = "7";
  model.save(path("model.safetensors"));
  const cli::Matrix free = sample({"--image", "2x2", "--picture", "free.png", "--no-quantize"}), grid = sample({});
  ASSERT_EQ(free.values.size(), grid.values.size());
  std::size_t beyond = 0;
  for (std::size_t i = 0; i < free.values.size(); ++i) {
    const float down = std::floor(free.values[i]);
    beyond += down < 0 || down > 7;
    EXPECT_EQ(grid.values[i], std::clamp(down, 0.0f, 7.0f)) << free.values[i];
  }
  EXPECT_GT(beyond, 0u);
  EXPECT_NE(free.values, grid.values);
  EXPECT_EQ(sample({"--quantize"}).values, grid.values);
  // In both cases, a picture shows values that the data can have.
  sample({"--image", "2x2", "--picture", "grid.png", "--quantize"});
  EXPECT_EQ(read_file(path("free.png")), read_file(path("grid.png")));
}

}  // namespace
}  // namespace scorematch::testing_support
