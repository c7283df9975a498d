// Samplers refuse every field that is out of range by name.
#include <limits>

#include "scorematch/scorematch.h"
#include "support/refusal.h"

namespace scorematch::test {
namespace {

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

auto ignoring_sigma(const Sampler& sampler, std::int64_t max_batch = 8) {
  return [=](const Engine& engine) { SamplerPlan(engine, MlpShape::score(3, {4}), sampler, max_batch); };
}
/// Makes the sampler with a suitable network: that of a Langevin chain ignores sigma.
auto make_sampler(const Sampler& sampler, std::int64_t max_batch = 8) {
  return [=](const Engine& engine) {
    MlpShape net = MlpShape::score(3, {4});
    if (!std::holds_alternative<Langevin>(sampler)) net.conditioning = conditioning::LogSigma{};
    SamplerPlan(engine, net, sampler, max_batch);
  };
}

const char* const kFloat = "between 1.2e-38 and 3.4e38, the range of float32";

std::vector<BadMake> bad_samplers() {
  const auto score = [](Queue&, ConstView, ConstView, View) {};
  const auto with_network = [](const Sampler& sampler, const std::function<void(OwnNetwork&)>& change,
                               std::int64_t max_batch = 8) {
    return [=](const Engine& e) {
      OwnNetwork net{3, [](Queue&, const NetworkCall&) {}};
      change(net);
      SamplerPlan(e, net, sampler, max_batch);
    };
  };
  const auto unchanged = [](OwnNetwork&) {};
  return {
      {"Langevin from sigma_max 0", make_sampler(AnnealedLangevin{0.01, 0}), {"sampler.sigma_max", kFloat, "0"}},
      {"Langevin to sigma_min not a number",
       make_sampler(AnnealedLangevin{kNan, 1}),
       {"sampler.sigma_min", kFloat, "nan"}},
      {"Langevin with sigma_min above sigma_max",
       make_sampler(AnnealedLangevin{2, 1}),
       {"sampler.sigma_max", "at least twice sigma_min 2", "1"}},
      {"Langevin below float32", make_sampler(AnnealedLangevin{1e-300, 1}), {"sampler.sigma_min", kFloat, "1e-300"}},
      {"Langevin of a single level",
       make_sampler(AnnealedLangevin{0.01, 1, 1}),
       {"sampler.levels", "between 2 and 2^24", "1"}},
      {"Langevin of a negative number of levels",
       make_sampler(AnnealedLangevin{0.01, 1, -1}),
       {"sampler.levels", "between 2 and 2^24", "-1"}},
      {"Langevin at one level",
       make_sampler(AnnealedLangevin{0.1, 0.1}),
       {"sampler.sigma_max", "at least twice sigma_min 0.1", "0.1"}},
      {"flow at one level",
       make_sampler(ProbabilityFlow{0.1, 0.1}),
       {"sampler.sigma_max",
        "at least twice sigma_min 0.1, to span a range of noise levels (Langevin samples at a single level)", "0.1"}},
      {"reverse equation over too small a range",
       make_sampler(ReverseSde{0.1, 0.19}),
       {"sampler.sigma_max", "at least twice sigma_min 0.1", "0.19"}},
      {"flow of a network that ignores sigma",
       ignoring_sigma(ProbabilityFlow{}),
       {"net", "a network that uses sigma", "one that ignores it"}},
      {"Langevin from level to level of a network that ignores sigma",
       ignoring_sigma(AnnealedLangevin{}),
       {"net",
        "a network that uses sigma, as its score is needed at noise levels from sigma_max to sigma_min (Langevin "
        "samples "
        "at a single level)",
        "one that ignores it"}},
      {"reverse equation of a network that ignores sigma",
       ignoring_sigma(ReverseSde{}),
       {"net", "a network that uses sigma", "one that ignores it"}},
      {"Langevin with a negative prior",
       make_sampler(AnnealedLangevin{0.01, 1, 10, 5, 0.1, -1}),
       {"sampler.prior_deviation", kFloat, "-1"}},
      {"flow with a prior not a number",
       make_sampler(ProbabilityFlow{0.01, 1, 8, 7, kNan}),
       {"sampler.prior_deviation", kFloat, "nan"}},
      {"reverse equation with an infinite prior",
       make_sampler(ReverseSde{0.01, 1, 8, 7, kInf}),
       {"sampler.prior_deviation", kFloat, "inf"}},
      {"Langevin of no steps",
       make_sampler(AnnealedLangevin{0.01, 1, 10, 0}),
       {"sampler.steps_per_level", "at least 1", "0"}},
      {"Langevin of more steps than counters allow",
       make_sampler(AnnealedLangevin{0.01, 1, 2, std::numeric_limits<int>::max()}),
       {"sampler.levels", "at most 3932160 steps in total", "4294967294"}},
      {"Langevin of a negative step_size",
       make_sampler(AnnealedLangevin{0.01, 1, 10, 5, -1}),
       {"sampler.step_size", "a finite value >= 0", "-1"}},
      {"Langevin of steps so small that they need too many levels",
       make_sampler(AnnealedLangevin{0.01, 1, 0, 5, 1e-30}),
       {"sampler.levels", "at most 3932160 steps in total", "83886080"}},
      {"flow of no steps", make_sampler(ProbabilityFlow{0.01, 1, 0}), {"sampler.steps", "between 1 and 2^24", "0"}},
      {"flow of too many steps",
       make_sampler(ProbabilityFlow{0.01, 1, std::numeric_limits<int>::max()}),
       {"sampler.steps", "between 1 and 2^24", "2147483647"}},
      {"flow of rho 0", make_sampler(ProbabilityFlow{0.01, 1, 8, 0}), {"sampler.rho", "a finite value > 0", "0"}},
      {"flow of rho not a number",
       make_sampler(ProbabilityFlow{0.01, 1, 8, kNan}),
       {"sampler.rho", "a finite value > 0", "nan"}},
      {"flow whose levels overflow",
       make_sampler(ProbabilityFlow{0.01, 80, 8, 1e-3}),
       {"sampler.rho", "a value that gives finite noise levels > 0", "0.001, which gives"}},
      {"flow from infinity", make_sampler(ProbabilityFlow{0.01, kInf}), {"sampler.sigma_max", kFloat, "inf"}},
      {"flow with sigma_min above sigma_max",
       make_sampler(ProbabilityFlow{1, 0.5}),
       {"sampler.sigma_max", "at least twice sigma_min 1", "0.5"}},
      {"reverse equation of no steps",
       make_sampler(ReverseSde{0.01, 1, 0}),
       {"sampler.steps", "between 1 and 2^24", "0"}},
      {"reverse equation of more steps than counters allow",
       make_sampler(ReverseSde{0.01, 1, 3932161}),
       {"sampler.steps", "at most 3932160", "3932161"}},
      {"reverse equation of rho 0",
       make_sampler(ReverseSde{0.01, 1, 8, 0}),
       {"sampler.rho", "a finite value > 0", "0"}},
      {"reverse equation with sigma_min above sigma_max",
       make_sampler(ReverseSde{1, 0.5}),
       {"sampler.sigma_max", "at least twice sigma_min 1", "0.5"}},
      {"chain without a level or a step",
       make_sampler(Langevin{}),
       {"sampler.step_size", "a value > 0, as its default needs a noise level", "0"}},
      {"chain of a negative step_size", make_sampler(Langevin{0, -1}), {"sampler.step_size", kFloat, "-1"}},
      {"chain of step_size not a number", make_sampler(Langevin{0, kNan}), {"sampler.step_size", kFloat, "nan"}},
      {"chain of a negative number of steps",
       make_sampler(Langevin{0, 1, -1}),
       {"sampler.steps", "between 1 and 3932160", "-1"}},
      {"chain from given x of no steps",
       make_sampler(Langevin{0, 1, 0, 0}),
       {"sampler.steps", "at least 1, as the chain starts from the given x", "0"}},
      {"chain that would need more steps than counters allow",
       make_sampler(Langevin{0, 1e-9}),
       {"sampler.steps",
        "an explicit number, as a chain that starts from sigma_start 1 would need 8e+09 steps of size 1e-09", "0"}},
      {"chain of more steps than counters allow",
       make_sampler(Langevin{0, 1, 3932161}),
       {"sampler.steps", "between 1 and 3932160", "3932161"}},
      {"chain from a negative sigma_start", make_sampler(Langevin{0, 1, 1, -1}), {"sampler.sigma_start", kFloat, "-1"}},
      {"chain at a negative level", make_sampler(Langevin{-1, 1, 1}), {"sampler.sigma", kFloat, "-1"}},
      {"chain at a level that is ignored",
       make_sampler(Langevin{0.5, 1, 1}),
       {"sampler.sigma", "0, as the network ignores it", "0.5"}},
      {"chain without the level that is needed",
       [](const Engine& e) {
         MlpShape net = MlpShape::score(3, {4});
         net.parameterization = parameterization::Ncsn{};
         SamplerPlan(e, net, Langevin{}, 8);
       },
       {"sampler.sigma", "a level > 0, as the network uses it", "0"}},
      {"correction of a score net",
       make_sampler(Langevin{0, 1, 1, 1, true}),
       {"sampler.metropolis", "false, as a score net has no density", "true"}},
      {"correction of a score function",
       [=](const Engine& e) {
         SamplerPlan(e, 3, score, Langevin{0, 1, 1, 1, true}, 8);
       },
       {"sampler.metropolis", "false, as a score function has no density", "true"}},
      {"no score function",
       [](const Engine& e) { SamplerPlan(e, 3, nullptr, ProbabilityFlow{}, 8); },
       {"score", "a function", "nothing"}},
      {"own network without a function",
       with_network(ProbabilityFlow{}, [](OwnNetwork& net) { net.evaluate = nullptr; }),
       {"net.evaluate", "a function", "nothing"}},
      {"own network of no dimension",
       with_network(ProbabilityFlow{}, [](OwnNetwork& net) { net.dim = 0; }),
       {"dim", "between 1 and 1048576", "0"}},
      {"own network of a wrong parameterization",
       with_network(ProbabilityFlow{}, [](OwnNetwork& net) { net.parameterization = parameterization::Edm{0}; }),
       {"parameterization.sigma_data", "a finite value > 0", "0"}},
      {"own network with features of no frequency",
       with_network(ProbabilityFlow{}, [](OwnNetwork& net) { net.conditioning = conditioning::Fourier{}; }),
       {"conditioning.frequencies", "between 1 and", "0"}},
      {"own network of indices",
       with_network(ProbabilityFlow{}, [](OwnNetwork& net) { net.dtype = DType::i64; }),
       {"net.dtype", "f32", "2"}},
      {"own network in double",
       with_network(ProbabilityFlow{}, [](OwnNetwork& net) { net.dtype = DType::f64; }),
       {"net.dtype", "f32, as only the reference engine has f64", "f64"},
       On::f32},
      {"own network with a wrong sampler",
       with_network(ProbabilityFlow{0.01, 1, 0}, unchanged),
       {"sampler.steps", "between 1 and 2^24", "0"}},
      {"chain without the level that an own network needs",
       with_network(Langevin{0, 1, 1}, [](OwnNetwork& net) { net.conditioning = conditioning::LogSigma{}; }),
       {"sampler.sigma", "a level > 0, as the network uses it", "0"}},
      {"correction of an own network",
       with_network(Langevin{0, 1, 1, 1, true}, unchanged),
       {"sampler.metropolis", "false, as the caller's network has no density", "true"}},
      {"own network without a batch",
       with_network(ProbabilityFlow{}, unchanged, 0),
       {"max_batch", "between 1 and", "0"}},
      {"own network whose scratch would be past 2^63 bytes",
       with_network(
           ProbabilityFlow{}, [](OwnNetwork& net) { net.dim = 1 << 20; }, std::int64_t{1} << 40),
       {"max_batch", "at most 30541986424, as a sample needs 18874370 numbers", "1099511627776"}},
      {"sampler of no dimension",
       [=](const Engine& e) { SamplerPlan(e, 0, score, ProbabilityFlow{}, 8); },
       {"dim", "between 1 and 1048576", "0"}},
      {"sampler without a batch", make_sampler(ProbabilityFlow{}, 0), {"max_batch", "between 1 and", "0"}},
      {"sampler whose scratch would be past 2^63 bytes",
       [=](const Engine& e) { SamplerPlan(e, 1 << 20, score, AnnealedLangevin{}, std::int64_t{1} << 40); },
       {"max_batch", "at most 274877906943, as the sampler needs 2 arrays of this size", "1099511627776"}},
  };
}
class BadSampler : public Engines {};

TEST_P(BadSampler, Plans) { expect_all_refused(engine(), bad_samplers()); }

INSTANTIATE_TEST_SUITE_P(On, BadSampler, engines(), engine_name);

}  // namespace
}  // namespace scorematch::test
