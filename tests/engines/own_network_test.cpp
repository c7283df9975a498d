// Samplers and likelihoods of the caller's own network: its function computes F of the library's network, and the
// results must be those of the library's plans, for every parameterization, conditioning and sampler.
#include "scorematch/own_network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "model/names.h"
#include "model/network.h"
#include "reference/mlp.h"
#include "scorematch/likelihood.h"
#include "scorematch/perturbation.h"
#include "scorematch/score.h"
#include "support/host_score.h"

namespace scorematch::testing_support {
namespace {

constexpr std::int64_t kSamples = 40;
constexpr int kDim = 3;

MlpShape network(const Parameterization& parameterization, const Conditioning& conditioning, int dim = kDim) {
  MlpShape net = MlpShape::score(dim, {16, 16}, Activation::gelu);  // which the cuda engine computes layered
  net.parameterization = parameterization;
  net.conditioning = conditioning;
  return net;
}

const Parameterization kParameterizations[] = {parameterization::Plain{}, parameterization::Ncsn{},
                                               parameterization::NoisePrediction{}, parameterization::Edm{0.7}};

std::vector<Conditioning> conditionings() {
  return {conditioning::None{}, conditioning::LogSigma{}, conditioning::Fourier{{0.3, 1.1}}};
}

/// The networks that use sigma.
std::vector<MlpShape> networks() {
  std::vector<MlpShape> nets;
  for (const Parameterization& parameterization : kParameterizations)
    for (const Conditioning& conditioning : conditionings())
      if (uses_sigma(parameterization, conditioning)) nets.push_back(network(parameterization, conditioning));
  return nets;
}

std::string name_of(const MlpShape& net) {
  return std::string(scorematch::name_of(net.parameterization.kind)) + ", " +
         scorematch::name_of(net.conditioning.kind);
}

Vector params_of(const MlpShape& net) { return uniform_values(net.param_count(), 5, -0.3, 0.3); }

void write(Queue& queue, const View& to, const Vector& values) {
  if (to.dtype == DType::f64) return queue.write(to, values.data());
  queue.write(to, std::vector<float>(values.begin(), values.end()).data());
}

/// F and (dF/dz) v on the host, in double, from all columns of the input.
OwnNetwork::Function on_host(const MlpShape& net, const Vector& params) {
  return [net, params](Queue& queue, const NetworkCall& call) {
    const auto batch = static_cast<std::size_t>(call.net_input.shape.extent[0]),
               dim = static_cast<std::size_t>(net.dim),
               columns = static_cast<std::size_t>(call.net_input.shape.extent[1]),
               count = static_cast<std::size_t>(call.directions.shape.extent[0]);
    const reference::Mlp<double> mlp(net, params.data());
    const Vector z = read(queue, call.net_input), v = count == 0 ? Vector() : read(queue, call.directions);
    Vector output(batch * dim), jvp(count * batch * dim);
    for (std::size_t n = 0; n < batch; ++n) {
      const auto row = [&](const Vector& from, std::size_t at, std::size_t width) {
        Vector values(&from[at * width], &from[at * width] + width);
        values.resize(columns, 0.0);
        return values;
      };
      std::vector<Vector> tangents;
      for (std::size_t m = 0; m < count; ++m) tangents.push_back(row(v, m * batch + n, dim));
      const auto trace = mlp.forward(row(z, n, columns), tangents);
      std::copy_n(trace.output().value.begin(), dim, &output[n * dim]);
      for (std::size_t m = 0; m < count; ++m)
        std::copy_n(trace.output().tangents[m].begin(), dim, &jvp[(m * batch + n) * dim]);
    }
    write(queue, call.output, output);
    if (count > 0) write(queue, call.jvp, jvp);
  };
}

OwnNetwork own(const MlpShape& net, const OwnNetwork::Function& function, DType dtype = DType::f32) {
  return {net.dim, function, net.parameterization, net.conditioning, dtype};
}

/// The type that the engine computes in.
DType widest(const Engine& engine) { return engine.kind() == Engine::Kind::reference ? DType::f64 : DType::f32; }

Vector samples_of(const Engine& engine, const SamplerPlan& plan, ConstView params = {}, const Vector& start = {},
                  std::size_t more_bytes = 0) {
  Queue queue(engine, plan.workspace_bytes() + more_bytes);
  const NoiseState noise(engine, kPosition);
  Array x(engine, {kSamples, kDim});
  if (!start.empty()) write(queue, x, start);
  plan.run(queue, params, noise, x);
  return x.read(queue);
}

const Sampler kSamplers[] = {ProbabilityFlow{0.1, 1.5, 5}, AnnealedLangevin{0.1, 1.5, 3, 3, 1e-3},
                             ReverseSde{0.1, 1.5, 6}, Langevin{0.2, 0.01, 6}};

/// How far a relative error u of every score, in proportion to its terms, and of F's inputs can carry the samples of a
/// run with this sampler. Measured with an error of 1e-6 in double; the errors' signs vary from element to element.
class Response {
 public:
  static constexpr double kError = 1e-6;
  explicit Response(const MlpShape& net) : net_(net), params_(params_of(net)) {}

  Vector samples(const Sampler& sampler, double error) const {
    const ScorePlan score(engine_, net_, kSamples);
    const Array params(engine_, params_, net_.param_count());
    int calls = 0;
    const auto function = [&](Queue& queue, ConstView x, ConstView sigma, View out) {
      score.run(queue, {params, {x, {}, sigma}}, {out});
      Vector s = queue.read_f64(out);
      const Vector at = queue.read_f64(x);
      for (std::size_t i = 0; i < s.size(); ++i)
        s[i] += sign(i, calls) * error * size(s[i], at[i], queue.read_f64(sigma)[0]);
      ++calls;
      queue.write(out, s.data());
    };
    return samples_of(engine_, SamplerPlan(engine_, kDim, function, sampler, kSamples));
  }
  /// @param u unit roundoff of the arithmetic
  double tolerance(const Sampler& sampler, double u) const {
    const Vector exact = samples(sampler, 0), moved = samples(sampler, kError);
    double most = 0, largest = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      most = std::max(most, std::abs(moved[i] - exact[i]));
      largest = std::max(largest, std::abs(exact[i]));
    }
    return kSteps * u * (most / kError + largest);
  }

 private:
  static constexpr double kSteps = 64;  // a sum over 16 products in each of three layers, and a few operations
  static double sign(std::size_t i, int calls) {
    return (i * 7 + static_cast<std::size_t>(calls) * 3) % 5 < 2 ? -1 : 1;
  }
  static double size(double s, double x, double sigma) { return 2 * std::abs(s) + 2 * std::abs(x) * (1 + 1 / sigma); }

  Engine engine_ = Engine::reference();
  MlpShape net_;
  Vector params_;
};

void expect_near(const Vector& got, const Vector& want, double tolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], want[i], tolerance) << i;
}

class OwnNetworks : public EngineTest {
 protected:
  double u = unit_roundoff(engine);
};
INSTANTIATE_TEST_SUITE_P(Engines, OwnNetworks, testing::ValuesIn(built_engine_names()),
                         [](const auto& info) { return info.param; });

// The reference engine computes the same operations with a network in double, so its samples are equal.
TEST_P(OwnNetworks, GiveTheSamplesOfTheLibrarysNetwork) {
  for (const MlpShape& net : networks()) {
    const Array params(engine, params_of(net), net.param_count());
    const Response response(net);
    for (const Sampler& sampler : kSamplers) {
      SCOPED_TRACE(name_of(net) + ", " + scorematch::name_of(kind_of(sampler)));
      const Vector want = samples_of(engine, SamplerPlan(engine, net, sampler, kSamples), params),
                   got = samples_of(engine, SamplerPlan(engine, own(net, on_host(net, params_of(net)), widest(engine)),
                                                        sampler, kSamples));
      if (engine.kind() == Engine::Kind::reference)
        EXPECT_EQ(got, want);
      else
        expect_near(got, want, response.tolerance(sampler, u));
    }
  }
}

// One function serves every engine: on the reference engine its arrays are float32, too.
TEST_P(OwnNetworks, SeeFloat32OnEveryEngine) {
  for (const MlpShape& net : {networks()[2], networks().back()}) {
    const Array params(engine, params_of(net), net.param_count());
    for (const Sampler& sampler : kSamplers) {
      SCOPED_TRACE(name_of(net) + ", " + scorematch::name_of(kind_of(sampler)));
      int calls = 0;
      const auto function = [&, inner = on_host(net, params_of(net))](Queue& queue, const NetworkCall& call) {
        ++calls;
        EXPECT_EQ(call.net_input.dtype, DType::f32);
        EXPECT_EQ(call.sigma.dtype, DType::f32);
        EXPECT_EQ(call.output.dtype, DType::f32);
        EXPECT_TRUE(call.directions.empty() && call.jvp.empty());
        inner(queue, call);
      };
      const Vector want = samples_of(engine, SamplerPlan(engine, net, sampler, kSamples), params),
                   got = samples_of(engine, SamplerPlan(engine, own(net, function), sampler, kSamples));
      expect_near(got, want, Response(net).tolerance(sampler, 0x1p-24));
      EXPECT_GT(calls, 0);
    }
  }
}

// A ScorePlan with F alone runs on the queue that is lent to the function. On the cuda engine, whose kernels round F to
// float32 in any case, the samples are bit-identical.
TEST_P(OwnNetworks, RunAPlanOnTheLentQueue) {
  for (const MlpShape& net : networks()) {
    MlpShape plain = net;
    plain.parameterization = parameterization::Plain{};
    const ScorePlan f(engine, plain, kSamples);
    const Array params(engine, params_of(net), net.param_count());
    const auto function = [&](Queue& queue, const NetworkCall& call) {
      ConstView cx = call.net_input;  // the features follow from sigma again
      cx.shape.extent[1] = kDim;
      Batch batch{cx};
      if (plain.conditioning.kind != Conditioning::Kind::none) batch.sigma = call.sigma;
      f.run(queue, {params, batch}, {call.output});
    };
    for (const Sampler& sampler : kSamplers) {
      SCOPED_TRACE(name_of(net) + ", " + scorematch::name_of(kind_of(sampler)));
      const Vector want = samples_of(engine, SamplerPlan(engine, net, sampler, kSamples), params),
                   got = samples_of(engine, SamplerPlan(engine, own(net, function, widest(engine)), sampler, kSamples),
                                    {}, {}, f.workspace_bytes());
      if (engine.kind() == Engine::Kind::cpu)
        expect_near(got, want, Response(net).tolerance(sampler, u));
      else
        EXPECT_EQ(got, want);
    }
  }
}

// What the network sees when it is sampled is what it saw in training, at the same x and sigma.
TEST_P(OwnNetworks, SeeTheInputThatPerturbPlanWrites) {
  constexpr double kSigma = 0.3;
  const Vector x = normal_values(kSamples * kDim, 3);
  for (const MlpShape& net : networks()) {
    SCOPED_TRACE(name_of(net));
    const int columns = kDim + feature_count(net.conditioning);
    const Array at(engine, x, {kSamples, kDim}), level(engine, {as_float(kSigma)}, 1),
        none(engine, Vector(x.size()), {kSamples, kDim});
    Array net_input(engine, {kSamples, columns}), sigma(engine, kSamples);
    Queue queue(engine, 0);
    Batch batch{at};
    batch.sigma = level, batch.eps = none;
    PerturbPlan(engine, kDim, schedule::None{}, kSamples, net.parameterization, net.conditioning)
        .run(queue, batch, {net_input, sigma});
    Vector seen, seen_sigma;
    const auto function = [&](Queue& lent, const NetworkCall& call) {
      seen = read(lent, call.net_input), seen_sigma = read(lent, call.sigma);
      write(lent, call.output, Vector(x.size()));
    };
    samples_of(engine,
               SamplerPlan(engine, own(net, function, widest(engine)), Langevin{as_float(kSigma), 0.1, 1, 0}, kSamples),
               {}, x);
    EXPECT_EQ(seen, net_input.read(queue));
    EXPECT_EQ(seen_sigma, sigma.read(queue));
  }
}

// Without parameterization and conditioning, F is the score, sigma is an argument, and a chain without level has 1.
TEST_P(OwnNetworks, MayTakeSigmaInTheirOwnForm) {
  const Gaussian g{0.5, 0.8};
  const auto function = [&](Queue& queue, const NetworkCall& call) {
    const Vector x = read(queue, call.net_input), sigma = read(queue, call.sigma);
    Vector f;
    for (std::size_t i = 0; i < x.size(); ++i) f.push_back(g.slope(sigma[i / kDim]) * (x[i] - g.mean));
    write(queue, call.output, f);
  };
  const PointScore score = g.score(kDim);
  for (const Sampler& sampler : {kSamplers[0], kSamplers[2], Sampler(Langevin{0, 0.01, 6})}) {
    const OwnNetwork net{kDim, function, {}, {}, widest(engine)};
    const Vector got = samples_of(engine, SamplerPlan(engine, net, sampler, kSamples));
    const PointScore without_level = [&](const double* x, double) { return score(x, 1); };
    const bool has_level = kind_of(sampler) != SamplerKind::langevin;
    const auto by_hand = [&](Queue& queue, ConstView x, ConstView sigma, View out) {
      const Vector points = read(queue, x);
      const double level = has_level ? read(queue, sigma)[0] : 1;
      Vector s;
      for (const double each : points) s.push_back(g.slope(level) * (each - g.mean));
      write(queue, out, s);
    };
    EXPECT_EQ(got, samples_of(engine, SamplerPlan(engine, kDim, by_hand, sampler, kSamples)));
  }
}

TEST_P(OwnNetworks, PassOnWhatTheirFunctionThrows) {
  const auto function = [](Queue&, const NetworkCall&) { throw std::runtime_error("out of patience"); };
  const SamplerPlan plan(engine, OwnNetwork{kDim, function}, kSamplers[0], kSamples);
  EXPECT_THROW(samples_of(engine, plan), std::runtime_error);
}

// ---- likelihoods

struct Densities {
  Vector log_likelihood, latent;
};

Densities densities_of(const Engine& engine, const LikelihoodPlan& plan, const Vector& x, int dim,
                       ConstView params = {}) {
  const std::int64_t batch = static_cast<std::int64_t>(x.size()) / dim;
  Queue queue(engine, plan.workspace_bytes());
  const NoiseState noise(engine, kPosition);
  const Array at(engine, x, {batch, dim});
  Array log_likelihood(engine, batch), latent(engine, {batch, dim});
  plan.run(queue, {params, {at, noise}}, {log_likelihood, latent});
  return {log_likelihood.read(queue), latent.read(queue)};
}

Likelihood likelihood(int projections, Projection distribution = Projection::rademacher) {
  Likelihood options;
  options.sigma_min = 0.1, options.sigma_max = 1.5, options.steps = 4;
  options.projections = projections, options.distribution = distribution;
  return options;
}

/// The greatest effect of a relative error u of scores and divergences, as Response measures it for samples.
double tolerance(const MlpShape& net, const Likelihood& options, const Vector& x, double u) {
  const Engine engine = Engine::reference();
  const std::int64_t batch = static_cast<std::int64_t>(x.size()) / net.dim;
  const ScorePlan plan(engine, net, batch);
  const Array params(engine, params_of(net), net.param_count());
  const auto run = [&](double error) {
    const auto function = [&](Queue& queue, ConstView at, ConstView sigma, View score, View divergence) {
      ScoreOut out;
      out.score = score, out.divergence = divergence;
      plan.run(queue, {params, {at, {}, sigma}}, out);
      Vector s = queue.read_f64(score), div = queue.read_f64(divergence);
      const Vector point = queue.read_f64(at);
      const double level = queue.read_f64(sigma)[0];
      for (std::size_t i = 0; i < s.size(); ++i)
        s[i] += error * (i % 3 == 0 ? -2 : 2) * (std::abs(s[i]) + std::abs(point[i]) * (1 + 1 / level));
      for (double& each : div)
        each += error * (2 * std::abs(each) + 4 * net.dim * (1 + 1 / level + 1 / (level * level)));
      queue.write(score, s.data()), queue.write(divergence, div.data());
    };
    Likelihood exact = options;
    exact.projections = 0;
    const Densities got = densities_of(engine, LikelihoodPlan(engine, net.dim, function, exact, batch), x, net.dim);
    Vector all = got.log_likelihood;
    all.insert(all.end(), got.latent.begin(), got.latent.end());
    return all;
  };
  const Vector exact = run(0), moved = run(Response::kError);
  double most = 0, largest = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    most = std::max(most, std::abs(moved[i] - exact[i]));
    largest = std::max(largest, std::abs(exact[i]));
  }
  return 64 * u * (most / Response::kError + largest);
}

TEST_P(OwnNetworks, HaveTheLikelihoodsOfTheLibrarysNetwork) {
  const Vector x = normal_values(10 * kDim, 4);
  for (const MlpShape& net : networks()) {
    const Array params(engine, params_of(net), net.param_count());
    for (const Likelihood& options : {likelihood(0), likelihood(2)}) {
      SCOPED_TRACE(name_of(net) + ", projections " + std::to_string(options.projections));
      const Densities want = densities_of(engine, LikelihoodPlan(engine, net, options, 10), x, kDim, params);
      for (const DType dtype : {DType::f32, widest(engine)}) {
        const OwnNetwork mine = own(net, on_host(net, params_of(net)), dtype);
        const Densities got = densities_of(engine, LikelihoodPlan(engine, mine, options, 10), x, kDim);
        const double near = tolerance(net, options, x, dtype == DType::f64 ? u : 0x1p-24);
        expect_near(got.log_likelihood, want.log_likelihood, near);
        expect_near(got.latent, want.latent, near);
      }
    }
  }
}

// More directions than one evaluation takes: 11, and the 10 unit vectors of 10 dimensions.
TEST_P(OwnNetworks, TakeDirectionsInGroups) {
  constexpr int kWide = 10;
  const MlpShape net = network(parameterization::Edm{0.7}, conditioning::LogSigma{}, kWide);
  const Vector x = normal_values(6 * kWide, 6);
  const Array params(engine, params_of(net), net.param_count());
  for (const Projection distribution :
       {Projection::gaussian, Projection::rademacher, Projection::sphere, Projection::hadamard})
    for (const int projections : {0, 11}) {
      SCOPED_TRACE(std::string(scorematch::name_of(distribution)) + " " + std::to_string(projections));
      const Likelihood options = likelihood(projections, distribution);
      std::vector<std::int64_t> counts;
      const auto function = [&, inner = on_host(net, params_of(net))](Queue& queue, const NetworkCall& call) {
        counts.push_back(call.directions.shape.extent[0]);
        inner(queue, call);
      };
      const Densities want = densities_of(engine, LikelihoodPlan(engine, net, options, 6), x, kWide, params);
      const Densities got =
          densities_of(engine, LikelihoodPlan(engine, own(net, function, widest(engine)), options, 6), x, kWide);
      // |v|^2 of a Gaussian direction varies by a factor of a few.
      const double near = 4 * tolerance(net, options, x, u);
      expect_near(got.log_likelihood, want.log_likelihood, near);
      expect_near(got.latent, want.latent, near);
      ASSERT_EQ(counts.size(), 2u * 4 * 4);
      EXPECT_EQ(counts[0], 8);
      EXPECT_EQ(counts[1], projections == 0 ? 2 : 3);
    }
}

}  // namespace
}  // namespace scorematch::testing_support
