// A benchmark row: a loss of a network on an engine, by name,
//   ENGINE/OBJECTIVE/NET/d:DIM/H:HIDDEN/L:LAYERS[/M:PROJECTIONS]/N:BATCH[/value]
// such as cpu/ssm/score/d:64/H:128/L:3/M:4/N:4096. Value and gradient with respect to the parameters, unless /value;
// silu, plain parameterization, no conditioning; dsm with sigma = 0.5 and weighting sigma^2, ssm and ssm_vr along
// Rademacher directions.
#pragma once
#include <cstdint>
#include <string>

#include "scorematch/scorematch.h"

namespace scorematch::bench {

struct Job {
  /// reference, cpu, cpu-1 on one thread, cpu-bf16, or cuda-PRECISION, which chooses its route; cuda-bf16-layered by
  /// name
  std::string engine = "cpu";
  std::string objective;  ///< esm, ism, dsm, ssm, ssm_vr
  MlpShape::Kind kind = MlpShape::Kind::score;
  int dim = 0, hidden = 0, layers = 0;
  int projections = 0;  ///< M, only for ssm and ssm_vr
  std::int64_t batch = 0;
  bool gradient = true;

  /// @throws Error naming the part that is wrong
  static Job parse(const std::string& name);
  std::string name() const;

  /// How many of `all` threads it uses; for engines on the host.
  int threads(int all) const { return engine == "cpu" || engine == "cpu-bf16" ? all : 1; }
  Engine make_engine(int all_threads) const;
  MlpShape net() const;
  Loss loss() const;
  Compute compute() const;
};

/// The end of a name: "/d:64/H:128/L:3[/M:4]/N:4096".
std::string shape_name(int dim, int hidden, int layers, std::int64_t batch, int projections = 0);

}  // namespace scorematch::bench
