// Training over 1, 2 and 4 ranks is the same training: the noise is bit-identical, and losses, gradients and parameters
// agree within what the rounding of sums can cause (docs/numerics.md, "Across splits").
//   mpirun -np R ranks_test record FILE        trains, and writes the results
//   ranks_test compare FILE1 FILE2 FILE4       compares the results
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <set>

#include "data_parallel.h"
#include "record.h"
#include "scorematch/perturbation.h"

namespace {

constexpr int kDim = 3, kDirections = 2, kSteps = 25, kDisturbed = 8;
constexpr double kFloatUnit = 0x1p-24, kDoubleUnit = 0x1p-53;

/// A batch that no number of ranks divides, and one that leaves one of four ranks without a sample.
constexpr std::int64_t kBatches[] = {203, 3};

Training make_training(std::int64_t batch) {
  Training training;
  training.net = sm::MlpShape::score(kDim, {32, 32});
  training.net.parameterization = sm::parameterization::Edm{};
  training.net.conditioning = sm::conditioning::LogSigma{};
  training.loss = {sm::Dsm{}, sm::schedule::LogNormal{}, sm::weighting::Edm{}};
  training.batch = batch;
  for (int i = 0; i < 500 * kDim; ++i) training.data.push_back(std::sin(0.37f * static_cast<float>(i)));
  training.adam.learning_rate = 1e-2;
  training.seed = 5;
  return training;
}

// ---- the record of a run --------------------------------------------------------------------------------------------

/// Appends the samples of all ranks, in the order of the ranks, on rank 0.
void append_gathered(std::vector<float>& to, const std::vector<float>& mine) {
  int count = static_cast<int>(mine.size()), total = 0;
  std::vector<int> counts(static_cast<std::size_t>(count_of(MPI_COMM_WORLD))), begins;
  MPI_Gather(&count, 1, MPI_INT, counts.data(), 1, MPI_INT, 0, MPI_COMM_WORLD);
  for (const int each : counts) begins.push_back(total), total += each;
  const std::size_t before = to.size();
  if (rank_in(MPI_COMM_WORLD) == 0) to.resize(before + static_cast<std::size_t>(total));
  MPI_Gatherv(mine.data(), count, MPI_FLOAT, to.data() + before, counts.data(), begins.data(), MPI_FLOAT, 0,
              MPI_COMM_WORLD);
}

/// The noise of the whole batch; each rank draws its part with the plans that draw noise.
std::vector<float> draw_noise(const sm::Engine& engine, const Training& training) {
  const Share share = Share::of(training.batch, MPI_COMM_WORLD);
  sm::Queue queue(engine, 0);
  auto data = engine.upload(training.data, {static_cast<std::int64_t>(training.data.size()) / kDim, kDim});
  auto sigma = engine.allocate<float>(share.count), eps = engine.allocate<float>({share.count, kDim}),
       x_tilde = engine.allocate<float>({share.count, kDim}),
       directions = engine.allocate<float>({kDirections, share.count, kDim});
  const sm::PerturbPlan perturb(engine, kDim, training.loss.schedule, training.batch);
  std::vector<float> all;
  for (const std::int64_t step : {0, 7}) {
    const sm::NoiseState noise(engine, {training.seed, step, /*first_sample=*/0});
    if (share.count > 0) {
      sm::Batch in{data, noise.from(share.begin)};
      in.draw_rows = share.count;
      perturb.run(queue, in, {{}, sigma, x_tilde, eps});
    }
    for (const auto* each : {&sigma, &eps, &x_tilde}) append_gathered(all, queue.read(*each));
    for (const auto distribution : {sm::Projection::gaussian, sm::Projection::rademacher, sm::Projection::sphere}) {
      if (share.count > 0)
        sm::DirectionPlan(engine, kDim, kDirections, distribution, training.batch)
            .run(queue, noise.from(share.begin), directions);
      const std::vector<float> drawn = queue.read(directions);
      const auto plane = static_cast<std::ptrdiff_t>(drawn.size() / kDirections);
      for (int m = 0; m < kDirections; ++m)
        append_gathered(all, {drawn.begin() + m * plane, drawn.begin() + (m + 1) * plane});
    }
  }
  return all;
}

Record make_record(const Training& training) {
  const sm::Engine engine = sm::Engine::cpu(1);
  Record record;
  record.noise = draw_noise(engine, training);
  DataParallel rank(engine, training, MPI_COMM_WORLD, make_mpi_all_reduce(MPI_COMM_WORLD));
  for (int step = 0; step < kSteps; ++step) {
    rank.step();
    record.losses.push_back(rank.loss());
    if (step == 0) record.gradient = rank.gradient();
    if (!rank.in_step()) throw std::runtime_error("ranks have different parameters after step " + std::to_string(step));
  }
  record.params = rank.params();
  return record;
}

// ---- the comparison -------------------------------------------------------------------------------------------------

double rms_apart(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

/// Training without ranks. Each step's gradient may be disturbed by as much as another split can change it, with a
/// random sign for every element.
struct Alone {
  std::vector<double> losses;
  std::vector<float> params;
  std::vector<double> first_bound;  ///< [P], on the first gradient of another split

  Alone(const Training& training, std::mt19937* signs) {
    const sm::Engine engine = sm::Engine::cpu(1);
    const std::int64_t count = training.net.param_count(), batch = training.batch;
    const sm::LossPlan plan(engine, training.net, training.loss, batch);
    sm::Queue queue(engine, plan.workspace_bytes());
    auto data = engine.upload(training.data, {static_cast<std::int64_t>(training.data.size()) / kDim, kDim}),
         theta = engine.upload(training.net.initial_params(training.seed));
    auto grad = engine.allocate<float>(count), one = engine.allocate<float>(count);
    auto loss = engine.allocate<sm::Estimate>();
    sm::NoiseState noise(engine, training.seed);
    sm::Adam adam(engine, count, training.adam);
    for (int step = 0; step < kSteps; ++step, noise.advance(queue)) {
      std::vector<double> sum(static_cast<std::size_t>(count));  // of the samples' |gradients|
      for (std::int64_t n = 0; n < batch; ++n) {
        sm::LossPlan::In in{theta, {data, noise.from(n)}};
        in.batch.draw_rows = 1;
        sm::Reduction part;
        part.normaliser = batch;
        plan.run(queue, in, {nullptr, one}, part);
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += std::abs(static_cast<double>(one.data()[i]));
      }
      // Each element is a sum of N products, in some order, over at most 4 ranks; two such sums are at most this far
      // apart.
      for (double& each : sum) each *= 2 * static_cast<double>(batch + 4) * kFloatUnit;
      if (step == 0) first_bound = sum;

      sm::LossPlan::In in{theta, {data, noise}};
      in.batch.draw_rows = batch;
      plan.run(queue, in, {loss, grad});
      if (signs != nullptr)
        for (std::size_t i = 0; i < sum.size(); ++i)
          grad.data()[i] += static_cast<float>((*signs)() % 2 == 0 ? sum[i] : -sum[i]);
      adam.step(queue, theta, grad);
      losses.push_back(queue.read_one(loss).mean);
    }
    params = queue.read(theta);
  }
};

int failures = 0;

void expect(bool good, const char* what, std::int64_t batch, std::size_t file) {
  if (good) return;
  std::printf("FAILED: batch %lld, file %zu: %s\n", static_cast<long long>(batch), file + 1, what);
  ++failures;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

/// records[0] is that of one rank.
void compare(const Training& training, const std::vector<Record>& records) {
  const Alone alone(training, nullptr);
  std::vector<Alone> disturbed;
  std::mt19937 signs(1);
  for (int k = 0; k < kDisturbed; ++k) disturbed.emplace_back(training, &signs);
  double params_apart = 0;
  for (const Alone& each : disturbed) params_apart = std::max(params_apart, rms_apart(each.params, alone.params));
  const double moved = rms_apart(alone.params, training.net.initial_params(training.seed));
  const std::set<float> values(records[0].noise.begin(), records[0].noise.end());
  expect(values.size() > static_cast<std::size_t>(training.batch) * 20, "the noise has many values", training.batch, 0);
  expect(params_apart < 1e-2 * moved, "the limit is meaningful", training.batch, 0);

  double most_apart = 0;
  for (std::size_t r = 0; r < records.size(); ++r) {
    const Record& record = records[r];
    const auto hold = [&](bool good, const char* what) { expect(good, what, training.batch, r); };
    hold(same_bits(record.noise, records[0].noise), "the same noise");
    hold(record.losses.size() == kSteps && record.params.size() == alone.params.size(), "a whole record");
    if (failures > 0) return;
    if (r == 0) hold(same_bits(record.params, alone.params), "one rank is the loop without ranks");

    // The first step has the same parameters: only sums differ, those of the losses in double (Chan, Golub & LeVeque
    // 1983).
    const sm::Estimate &first = record.losses[0], &whole = records[0].losses[0];
    const double terms = static_cast<double>(training.batch), deviation = std::sqrt(whole.m2),
                 size = std::sqrt(whole.m2 + terms * whole.mean * whole.mean),  // root of the sum of squares
        unit = 4 * terms * kDoubleUnit;
    hold(std::abs(first.mean - whole.mean) <= unit * size, "the first loss");
    hold(std::abs(first.m2 - whole.m2) <= unit * deviation * size, "the first loss's deviation");
    for (std::size_t i = 0; i < alone.first_bound.size(); ++i)
      if (!(std::abs(record.gradient[i] - records[0].gradient[i]) <= alone.first_bound[i]))
        return hold(false, "the first gradient");

    // After that the parameters differ, by no more than with gradients that are disturbed that far.
    double limit = unit * size;
    for (std::size_t step = 0; step < kSteps; ++step) {
      hold(record.losses[step].count == terms, "every sample once");
      for (const Alone& each : disturbed) limit = std::max(limit, std::abs(each.losses[step] - alone.losses[step]));
      hold(std::abs(record.losses[step].mean - alone.losses[step]) <= limit, "a loss");
    }
    most_apart = std::max(most_apart, rms_apart(record.params, alone.params));
    hold(rms_apart(record.params, alone.params) <= params_apart, "the parameters");
  }
  std::printf(
      "batch %3lld: the same noise, loss %.4f; parameters %.0e apart, at most %.0e are allowed, they moved %.0e\n",
      static_cast<long long>(training.batch), alone.losses.back(), most_apart, params_apart, moved);
}

int compare_files(int argc, char** argv) {
  std::vector<std::vector<Record>> files;  // [ranks][batch]
  for (int i = 2; i < argc; ++i) transfer<std::ifstream>(argv[i], files.emplace_back(std::size(kBatches)));
  for (std::size_t b = 0; b < std::size(kBatches); ++b) {
    std::vector<Record> records;
    for (const std::vector<Record>& file : files) records.push_back(file[b]);
    compare(make_training(kBatches[b]), records);
  }
  return failures == 0 ? 0 : 1;
}

void record_to(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  try {
    std::vector<Record> records;
    for (const std::int64_t batch : kBatches) records.push_back(make_record(make_training(batch)));
    if (rank_in(MPI_COMM_WORLD) == 0) transfer<std::ofstream>(argv[2], records);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rank %d: %s\n", rank_in(MPI_COMM_WORLD), error.what());
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "record") == 0) return record_to(argc, argv), 0;
  if (argc >= 4 && std::strcmp(argv[1], "compare") == 0) return compare_files(argc, argv);
  std::fprintf(stderr, "ranks_test: expected record FILE, or compare FILE FILE...\n");
  return 1;
}
