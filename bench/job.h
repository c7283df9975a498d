// The name of a benchmark row. It describes a loss of a network on an engine:
//   ENGINE/OBJECTIVE/NET/d:DIM/H:HIDDEN/L:LAYERS[/M:PROJECTIONS]/N:BATCH[/value]
// such as cpu/ssm/score/d:64/H:128/L:3/M:4/N:4096. Jobs compute the value and the gradient in the parameters, or only
// the value with /value. Networks have silu, plain parameterization and no conditioning. dsm has sigma = 0.5 and
// weighting sigma^2; ssm and ssm_vr have Rademacher directions. In place of an objective, `scores` evaluates the
// network alone, and `flow` and `reverse` draw samples by ProbabilityFlow and ReverseSde with their defaults, from a
// score net with the parameterization edm and the conditioning log_sigma.
#pragma once
#include <cstdint>
#include <string>

#include "scorematch/scorematch.h"

namespace scorematch::bench {

struct Job {
  /// reference, cpu, cpu-1 (one thread), cpu-bf16, or cuda-PRECISION with the route that the engine chooses;
  /// cuda-bf16-fused and cuda-bf16-layered force the route
  std::string engine = "cpu";
  std::string objective;  ///< esm, ism, dsm, ssm, ssm_vr; scores, flow, reverse
  MlpShape::Kind kind = MlpShape::Kind::score;
  int dim = 0, hidden = 0, layers = 0;
  int projections = 0;  ///< M, only for ssm and ssm_vr
  std::int64_t batch = 0;
  bool gradient = true;

  /// @throws Error that names the wrong part
  static Job parse(const std::string& name);
  std::string name() const;

  /// The number of threads it uses if there are `all`, for engines on the host.
  int threads(int all) const { return engine == "cpu" || engine == "cpu-bf16" ? all : 1; }
  bool samples() const { return objective == "flow" || objective == "reverse"; }
  /// Whether it evaluates the network without a loss.
  bool evaluates() const { return samples() || objective == "scores"; }
  Engine make_engine(int all_threads) const;
  MlpShape net() const;
  Loss loss() const;        ///< unless it evaluates()
  Sampler sampler() const;  ///< if it samples()
  Compute compute() const;
};

/// The end of a name: "/d:64/H:128/L:3[/M:4]/N:4096".
std::string shape_name(int dim, int hidden, int layers, std::int64_t batch, int projections = 0);

}  // namespace scorematch::bench
