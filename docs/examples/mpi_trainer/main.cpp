// Data-parallel training on points of a circle: mpirun -np 4 mpi_trainer [cuda]
// With cuda, there is one rank per GPU, and the gradients are added there.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "data_parallel.h"
#include "scorematch/error.h"

namespace {

constexpr int kSteps = 1000, kReport = 200;

Training make_training() {
  Training training;
  training.net = sm::MlpShape::score(/*dim=*/2, {64, 64});
  training.net.parameterization = sm::parameterization::Edm{};
  training.net.conditioning = sm::conditioning::LogSigma{};
  training.loss = {sm::Dsm{}, sm::schedule::LogNormal{}, sm::weighting::Edm{}};
  training.batch = 510;  // need not be a multiple of the number of ranks
  for (float t = 0; training.data.size() < 8192; t += 0.01f)
    training.data.insert(training.data.end(), {0.7f * std::cos(t), 0.7f * std::sin(t)});
  training.seed = 1;
  return training;
}

DataParallel make_rank(bool cuda) {
  MPI_Comm node;  // the ranks on this machine share its GPUs and cores
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
  const int local = rank_in(node), neighbours = count_of(node);
  MPI_Comm_free(&node);
  if (cuda) {
    const sm::Engine engine = sm::Engine::cuda(/*device=*/local);
    const Training training = make_training();
    return {engine, training, MPI_COMM_WORLD, make_gpu_all_reduce(MPI_COMM_WORLD, engine, training.net.param_count())};
  }
  const int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / neighbours);
  return {sm::Engine::cpu(threads), make_training(), MPI_COMM_WORLD, make_mpi_all_reduce(MPI_COMM_WORLD)};
}

int train(bool cuda) {
  DataParallel training = make_rank(cuda);
  sm::Estimate first, last;
  for (int step = 0; step < kSteps; ++step) {
    training.step();
    if (step % kReport != 0 && step + 1 != kSteps) continue;
    last = training.loss();
    if (step == 0) first = last;
    if (!training.in_step())
      throw std::runtime_error("params: expected the same values on every rank, got different ones");
    if (rank_in(MPI_COMM_WORLD) == 0)
      std::printf("step %4d  loss %.3f +- %.3f over %.0f samples\n", step, last.mean, last.standard_error(),
                  last.count);
  }
  return last.mean + last.standard_error() < first.mean - first.standard_error() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int status = 1;
  try {
    status = train(argc > 1 && std::strcmp(argv[1], "cuda") == 0);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rank %d: %s\n", rank_in(MPI_COMM_WORLD), error.what());
    MPI_Abort(MPI_COMM_WORLD, 1);  // otherwise, the others would wait for this one forever
  }
  MPI_Finalize();
  return status;
}
