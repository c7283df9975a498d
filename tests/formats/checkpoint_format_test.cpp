// Checkpoints are saved and loaded bit-identically, refused if anything is inconsistent, and never half written.
#include "scorematch/checkpoint.h"

#include <sys/resource.h>

#include <unistd.h>

#include <csignal>
#include <cstring>
#include <set>
#include <sstream>

#include "formats/safetensors.h"
#include "formats/spec_plans.h"
#include "support/files.h"
#include "support/full_checkpoint.h"
#include "support/refusal.h"

namespace scorematch::test {
namespace {

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}
std::set<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

bool same_bits(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0; }

void expect_same(const MlpShape& a, const MlpShape& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.dim, b.dim);
  EXPECT_EQ(a.hidden, b.hidden);
  EXPECT_EQ(a.activation, b.activation);
  EXPECT_EQ(a.residual, b.residual);
  ASSERT_EQ(a.parameterization.kind, b.parameterization.kind);
  if (a.parameterization.kind == Parameterization::Kind::edm) {
    EXPECT_TRUE(same_bits(a.parameterization.sigma_data, b.parameterization.sigma_data));
  }
  ASSERT_EQ(a.conditioning.kind, b.conditioning.kind);
  EXPECT_TRUE(same_bits(a.conditioning.frequencies, b.conditioning.frequencies));
}

void expect_same(const Adam::Snapshot& a, const Adam::Snapshot& b) {
  const Adam::Options &x = a.options, &y = b.options;
  EXPECT_TRUE(same_bits(
      std::vector<double>{x.learning_rate, x.beta1, x.beta2, x.epsilon, x.weight_decay, x.max_grad_norm, x.ema_decay},
      std::vector<double>{y.learning_rate, y.beta1, y.beta2, y.epsilon, y.weight_decay, y.max_grad_norm, y.ema_decay}));
  ASSERT_EQ(x.groups.size(), y.groups.size());
  for (std::size_t i = 0; i < x.groups.size(); ++i) {
    EXPECT_EQ(x.groups[i].begin, y.groups[i].begin);
    EXPECT_EQ(x.groups[i].count, y.groups[i].count);
    EXPECT_TRUE(same_bits(x.groups[i].learning_rate, y.groups[i].learning_rate));
    EXPECT_TRUE(same_bits(x.groups[i].weight_decay, y.groups[i].weight_decay));
  }
  EXPECT_TRUE(same_bits(a.progress.learning_rate, b.progress.learning_rate));
  EXPECT_TRUE(same_bits(a.progress.grad_norm, b.progress.grad_norm));
  EXPECT_EQ(a.progress.step, b.progress.step);
  EXPECT_EQ(a.progress.skipped, b.progress.skipped);
  EXPECT_TRUE(same_bits(a.first_moment, b.first_moment));
  EXPECT_TRUE(same_bits(a.second_moment, b.second_moment));
  EXPECT_TRUE(same_bits(a.ema, b.ema));
}

/// Compares their texts, which have every digit of every number. The texts have a test of their own.
void expect_same_loss(const std::optional<Loss>& a, const std::optional<Loss>& b) {
  EXPECT_EQ(a ? loss_text(*a) : "none", b ? loss_text(*b) : "none");
}

void expect_same(const Checkpoint& a, const Checkpoint& b) {
  expect_same(a.net, b.net);
  EXPECT_TRUE(same_bits(a.params, b.params));
  expect_same_loss(a.loss, b.loss);
  EXPECT_TRUE(same_bits(a.standardization.mean, b.standardization.mean));
  EXPECT_TRUE(same_bits(a.standardization.scale, b.standardization.scale));
  EXPECT_EQ(a.noise.seed, b.noise.seed);
  EXPECT_EQ(a.noise.step, b.noise.step);
  EXPECT_EQ(a.noise.first_sample, b.noise.first_sample);
  EXPECT_EQ(a.metadata, b.metadata);
  ASSERT_EQ(a.arrays.size(), b.arrays.size());
  for (const auto& [name, values] : a.arrays) EXPECT_TRUE(same_bits(values, b.arrays.at(name))) << name;
  ASSERT_EQ(a.adam.has_value(), b.adam.has_value());
  if (a.adam) expect_same(*a.adam, *b.adam);
  EXPECT_TRUE(same_bits(a.best, b.best));
  EXPECT_EQ(a.samples_best, b.samples_best);
}

class CheckpointFormat : public testing::Test {
 protected:
  Checkpoint through_file(const Checkpoint& checkpoint) {
    checkpoint.save(folder_.file("through"));
    return Checkpoint::load(folder_.file("through"));
  }
  TemporaryFolder folder_;
};

TEST_F(CheckpointFormat, EveryNetIsKept) {
  const std::vector<Parameterization> parameterizations = {parameterization::Plain{}, parameterization::Ncsn{},
                                                           parameterization::NoisePrediction{},
                                                           parameterization::Edm{1.0 / 3}};
  const std::vector<Conditioning> conditionings = {conditioning::None{}, conditioning::LogSigma{},
                                                   conditioning::Fourier::random(3, 2.5, 7)};
  int state = 0;
  for (const auto kind : {MlpShape::Kind::score, MlpShape::Kind::energy})
    for (const auto activation : {Activation::silu, Activation::softplus, Activation::tanh, Activation::gelu})
      for (const Parameterization& parameterization : parameterizations)
        for (const Conditioning& conditioning : conditionings) {
          MlpShape net = MlpShape::score(1 + state % 3, state % 4 == 0 ? std::vector<int>{} : std::vector<int>{4, 4, 2},
                                         activation);
          net.kind = kind;
          net.parameterization = parameterization;
          net.conditioning = conditioning;
          net.residual = state % 2 == 1;
          Checkpoint checkpoint = full_checkpoint(net, state % 2 == 0);
          if (state % 5 == 0) checkpoint.adam.reset();
          if (state % 7 == 0) checkpoint.standardization = {};
          if (state % 3 == 0) checkpoint.loss.reset();
          if (state % 3 == 0) checkpoint.best.clear();
          checkpoint.samples_best = state % 3 == 1;
          SCOPED_TRACE(state++);
          expect_same(checkpoint, through_file(checkpoint));
        }
  EXPECT_EQ(state, 2 * 4 * 4 * 3);
}

TEST_F(CheckpointFormat, EveryLossIsKept) {
  Checkpoint checkpoint;
  checkpoint.net = MlpShape::score(1, {});
  checkpoint.params = {1, 2};
  const std::vector<std::pair<Loss, std::string>> losses = {
      {{Esm{}}, "objective=esm schedule=none weighting=none"},
      {{Ism{}, schedule::Single{0.3}}, "objective=ism schedule=single sigma=0.3 weighting=none"},
      {{Dsm{}, schedule::LogNormal{1.0 / 3, 0.25}, weighting::Sigma2{}},
       "log_deviation=0.25 log_mean=0.3333333333333333 objective=dsm schedule=log_normal variance=plain "
       "weighting=sigma2"},
      {{Dsm{Dsm::Variance::control_variate}, schedule::Geometric{0.1, 2, 3}, weighting::Edm{0.7}},
       "levels=3 objective=dsm schedule=geometric sigma_data=0.7 sigma_max=2 sigma_min=0.1 variance=control_variate "
       "weighting=edm"},
      {{Ssm{3, Projection::sphere}}, "distribution=sphere objective=ssm projections=3 schedule=none weighting=none"},
      {{SsmVr{2, Projection::rademacher}},
       "distribution=rademacher objective=ssm_vr projections=2 schedule=none weighting=none"},
  };
  for (const auto& [loss, text] : losses) {
    checkpoint.loss = loss;
    const Checkpoint back = through_file(checkpoint);
    ASSERT_TRUE(back.loss) << text;
    EXPECT_EQ(loss_text(*back.loss), loss_text(loss));
    MetadataReader reader = MetadataReader::of_text("loss", text);
    EXPECT_EQ(loss_text(read_loss(reader, read_sigma_data(reader))), loss_text(loss));
    EXPECT_EQ(words_of(loss_text(*back.loss)), words_of(text));
  }
}

// Files of earlier versions have no loss, and mean and scale in float32.
TEST_F(CheckpointFormat, EarlierFilesAreLoaded) {
  const std::string path = folder_.file("earlier");
  Checkpoint checkpoint = full_checkpoint(fourier_net(), true);
  checkpoint.loss.reset();
  checkpoint.standardization = {{0.5, 0.25}, {2, 4}, {}};
  checkpoint.save(path);
  SafetensorsFile file = read_safetensors(path);
  for (const char* name : {"data.mean", "data.scale"}) {
    ASSERT_TRUE(file.tensors.at(name).is_double());
    file.tensors.at(name).values = file.tensors.at(name).as_float();
  }
  write_safetensors(path, file);
  expect_same(checkpoint, Checkpoint::load(path));
}

TEST(StandardizationColumns, TheConstantOnesAreNoCoordinates) {
  EXPECT_EQ((Standardization{{1, 2, 3, 4}, {0, 1, 0, 1e-30}, {}}.coordinates()), (std::vector<std::size_t>{1, 3}));
  EXPECT_TRUE(Standardization{}.coordinates().empty());
}

// A skipped step leaves a norm that is not finite.
TEST_F(CheckpointFormat, NormsThatAreNotFiniteAreKept) {
  Checkpoint checkpoint = full_checkpoint(fourier_net(), true);
  for (const double norm : {kInf, kNan}) {
    checkpoint.adam->progress.grad_norm = norm;
    expect_same(checkpoint, through_file(checkpoint));
  }
}

// A file always holds the average. Whether it has settled decides which parameters are sampled with.
TEST_F(CheckpointFormat, AnAverageThatHasNotSettledIsKeptAndNotSampledWith) {
  Checkpoint checkpoint = full_checkpoint(fourier_net(), true);  // decay 0.999: e^-4.605 after 4603 steps
  for (const std::int64_t step : {0, 4602, 4603}) {
    checkpoint.adam->progress.step = step;
    const Checkpoint back = through_file(checkpoint);
    expect_same(checkpoint, back);
    EXPECT_EQ(back.sampling_params(), step < 4603 ? back.params : back.adam->ema) << step;
  }
  const Checkpoint without = full_checkpoint(fourier_net(), false);
  EXPECT_EQ(without.sampling_params(), without.params);
}

TEST_F(CheckpointFormat, TheBestParametersAreSampledWithWhereTheyAreSelected) {
  Checkpoint checkpoint = full_checkpoint(fourier_net(), true);
  ASSERT_NE(checkpoint.best, checkpoint.adam->ema);
  EXPECT_EQ(through_file(checkpoint).sampling_params(), checkpoint.adam->ema);
  checkpoint.samples_best = true;
  EXPECT_EQ(through_file(checkpoint).sampling_params(), checkpoint.best);
}

TEST_F(CheckpointFormat, EveryTruncationIsRefused) {
  const std::string path = folder_.file("cut");
  full_checkpoint(fourier_net(), true).save(path);
  const std::string whole = get_bytes(path);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    put_bytes(path, whole.substr(0, length));
    EXPECT_THROW(Checkpoint::load(path), Error) << length;
  }
  put_bytes(path, whole);
  expect_same(full_checkpoint(fourier_net(), true), Checkpoint::load(path));
}

TEST_F(CheckpointFormat, FlippedBytesAreLoadedOrRefused) {
  const std::string path = folder_.file("flipped");
  int loaded = 0, refused = 0;
  for (const bool average : {true, false}) {
    full_checkpoint(fourier_net(), average).save(path);
    const std::string whole = get_bytes(path);
    std::uint64_t header_bytes = 0;
    std::memcpy(&header_bytes, whole.data(), 8);
    std::mt19937_64 random(average ? 1 : 2);
    for (int i = 0; i < 2000; ++i) {
      // Every other time only the header is changed, where most errors are possible.
      const std::size_t spoiled = i % 2 == 0 ? whole.size() : static_cast<std::size_t>(header_bytes) + 8;
      put_bytes(path, with_flips(whole.substr(0, spoiled), random) + whole.substr(spoiled));
      try {
        const Checkpoint checkpoint = Checkpoint::load(path);
        if (loaded++ % 20 == 0) expect_same(checkpoint, through_file(checkpoint));
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::io) << error.what();
        ++refused;
      }
    }
  }
  EXPECT_GT(loaded, 100);
  EXPECT_GT(refused, 100);
}

class CheckpointSave : public CheckpointFormat {
 protected:
  void SetUp() override { full_checkpoint(fourier_net(), false).save(path_); }
  void expect_kept() {
    EXPECT_EQ(folder_.names(), std::vector<std::string>{"kept"});
    expect_same(full_checkpoint(fourier_net(), false), Checkpoint::load(path_));
  }
  const std::string path_ = folder_.file("kept");
};

TEST_F(CheckpointSave, WhatLoadWouldRefuseReplacesNothing) {
  struct Row {
    const char* name;
    std::function<void(Checkpoint&)> spoil;
    Refusal refusal;
  };
  const auto nan = static_cast<float>(kNan);
  const std::vector<Row> table = {
      {"params short", [](Checkpoint& c) { c.params.pop_back(); }, {"params", "29 values", "28"}},
      {"params not a number", [=](Checkpoint& c) { c.params[7] = nan; }, {"params", "finite values", "nan at 7"}},
      {"an invalid net", [](Checkpoint& c) { c.net.hidden[0] = 0; }, {"hidden", "between 1 and", "0"}},
      {"a frequency not a number",
       [](Checkpoint& c) { c.net.conditioning.frequencies[1] = kNan; },
       {"conditioning.frequencies", "finite values", "nan"}},
      {"noise past its end",
       [](Checkpoint& c) { c.noise.step = std::int64_t{1} << 40; },
       {"step", "in [0, 2^40)", "1099511627776"}},
      {"noise of a negative sample",
       [](Checkpoint& c) { c.noise.first_sample = -1; },
       {"first_sample", "in [0, 2^48)", "-1"}},
      {"a mean alone", [](Checkpoint& c) { c.standardization.scale.clear(); }, {"data.scale", "3 values", "0"}},
      {"a mean not a number",
       [=](Checkpoint& c) { c.standardization.mean[0] = nan; },
       {"data.mean", "finite values", "nan at 0"}},
      {"a scale of 0 too many",
       [](Checkpoint& c) { c.standardization.scale[1] = 0; },
       {"data.scale", "2 values > 0, as the network has 2 inputs", "1"}},
      {"a constant column with a scale",
       [](Checkpoint& c) { c.standardization.scale[0] = 1; },
       {"data.scale", "2 values > 0", "3"}},
      {"a scale negative",
       [](Checkpoint& c) { c.standardization.scale[2] = -1; },
       {"data.scale", "finite values >= 0", "-1 at 2"}},
      {"a loss of no projections", [](Checkpoint& c) { c.loss->objective = Ssm{0}; }, {"projections", "between", "0"}},
      {"a schedule of no level",
       [](Checkpoint& c) { c.loss->schedule = schedule::Single{0}; },
       {"schedule.sigma", "between 1.2e-38", "0"}},
      {"moments short", [](Checkpoint& c) { c.adam->first_moment.clear(); }, {"first_moment", "29 values", "0"}},
      {"moments not a number",
       [=](Checkpoint& c) { c.adam->second_moment[3] = nan; },
       {"second_moment", "values >= 0", "nan"}},
      {"an average that is not kept", [](Checkpoint& c) { c.adam->ema = c.params; }, {"ema", "0 values", "29"}},
      {"an average that is missing", [](Checkpoint& c) { c.adam->options.ema_decay = 0.5; }, {"ema", "29 values", "0"}},
      {"groups of other parameters",
       [](Checkpoint& c) {
         c.adam->options.groups = {{28, 2}};
       },
       {"groups[0]", "elements of the 29 parameters", "2 from element 28"}},
      {"options out of range", [](Checkpoint& c) { c.adam->options.beta2 = kNan; }, {"beta2", "in [0, 1)", "nan"}},
      {"a negative step", [](Checkpoint& c) { c.adam->progress.step = -5; }, {"progress.step", "between 0 and", "-5"}},
      {"best parameters short", [](Checkpoint& c) { c.best.pop_back(); }, {"best", "29 values", "28"}},
      {"best parameters not a number", [=](Checkpoint& c) { c.best[2] = nan; }, {"best", "finite values", "nan at 2"}},
      {"best parameters selected that are not there",
       [](Checkpoint& c) { c.best.clear(), c.samples_best = true; },
       {"best", "29 values", "0"}},
      {"metadata that is not UTF-8",
       [](Checkpoint& c) { c.metadata["\xff"] = ""; },
       {path_, "UTF-8 text", "other bytes", ErrorCode::io}},
  };
  for (const Row& row : table) {
    SCOPED_TRACE(row.name);
    Checkpoint checkpoint = full_checkpoint(fourier_net(), false);
    row.spoil(checkpoint);
    expect_refused(row.refusal, [&] { checkpoint.save(path_); });
    expect_kept();
  }
}

TEST_F(CheckpointSave, WhatCannotBeWrittenLeavesNothing) {
  const Checkpoint checkpoint = full_checkpoint(fourier_net(), true);
  const std::string folder = folder_.file("folder");
  std::filesystem::create_directory(folder);
  for (const std::string& path :
       {folder, folder_.file("none/at/all"), path_ + "/below", std::string("/dev/full"), std::string()}) {
    SCOPED_TRACE(path);
    EXPECT_THROW(checkpoint.save(path), Error);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  if (::geteuid() != 0) {  // root may write everywhere
    std::filesystem::permissions(folder, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
    EXPECT_THROW(checkpoint.save(folder + "/new"), Error);
    EXPECT_TRUE(std::filesystem::is_empty(folder));
  }
  std::filesystem::remove(folder);
  expect_kept();
}

TEST_F(CheckpointSave, WhatBreaksOffLeavesTheOldFile) {
  rlimit old = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);  // write() fails instead
  rlimit low = old;
  low.rlim_cur = 512;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &low), 0);
  EXPECT_THROW(full_checkpoint(fourier_net(), true).save(path_), Error);
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  expect_kept();
}

}  // namespace
}  // namespace scorematch::test
