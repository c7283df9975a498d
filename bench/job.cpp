#include "job.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <vector>

namespace scorematch::bench {
namespace {

const std::vector<std::string> kEngines = {"reference", "cpu",       "cpu-1",           "cpu-bf16",         "cuda-fp32",
                                           "cuda-tf32", "cuda-bf16", "cuda-bf16-fused", "cuda-bf16-layered"},
                               kObjectives = {"esm", "ism", "dsm", "ssm", "ssm_vr", "scores", "flow", "reverse"},
                               kNets = {"score", "energy"};

[[noreturn]] void refuse(const std::string& job, const std::string& expected, const std::string& got) {
  throw Error(ErrorCode::invalid_argument, "job", "job '" + job + "': expected " + expected + ", got '" + got + "'");
}

/// Takes the parts of a name one after another.
class Parts {
 public:
  explicit Parts(const std::string& name) : name_(name) {
    std::istringstream stream(name);
    for (std::string part; std::getline(stream, part, '/');) parts_.push_back(part);
  }

  std::string one_of(const std::vector<std::string>& choices) {
    const std::string part = next();
    if (std::find(choices.begin(), choices.end(), part) != choices.end()) return part;
    std::string list;
    for (const std::string& each : choices) list += (list.empty() ? "" : ", ") + each;
    refuse(name_, "one of " + list, part);
  }
  std::int64_t number(char key) {
    const std::string part = next(), prefix{key, ':'};
    std::int64_t value = 0;
    const char* const end = part.data() + part.size();
    const bool keyed = part.compare(0, 2, prefix) == 0;
    if (!keyed || std::from_chars(part.data() + 2, end, value).ptr != end || value < 1 || value > std::int64_t{1} << 30)
      refuse(name_, prefix + " and a number from 1 to 2^30", part);
    return value;
  }
  /// Takes the next part if it is this one.
  bool take(const std::string& word) {
    if (at_ >= parts_.size() || parts_[at_] != word) return false;
    ++at_;
    return true;
  }
  void end() const {
    if (at_ < parts_.size()) refuse(name_, "the end of the name", parts_[at_]);
  }

 private:
  std::string next() { return at_ < parts_.size() ? parts_[at_++] : ""; }

  std::string name_;
  std::vector<std::string> parts_;
  std::size_t at_ = 0;
};

bool has_projections(const std::string& objective) { return objective == "ssm" || objective == "ssm_vr"; }

}  // namespace

Job Job::parse(const std::string& name) {
  Parts parts(name);
  Job job;
  job.engine = parts.one_of(kEngines);
  job.objective = parts.one_of(kObjectives);
  job.kind = parts.one_of(kNets) == "energy" ? MlpShape::Kind::energy : MlpShape::Kind::score;
  job.dim = static_cast<int>(parts.number('d'));
  job.hidden = static_cast<int>(parts.number('H'));
  job.layers = static_cast<int>(parts.number('L'));
  if (has_projections(job.objective)) job.projections = static_cast<int>(parts.number('M'));
  job.batch = parts.number('N');
  if (job.samples() && job.kind == MlpShape::Kind::energy) refuse(name, "a score net for a sampler", "energy");
  job.gradient = !job.evaluates() && !parts.take("value");
  parts.end();
  return job;
}

std::string Job::name() const {
  return engine + "/" + objective + (kind == MlpShape::Kind::energy ? "/energy" : "/score") +
         shape_name(dim, hidden, layers, batch, projections) + (gradient || evaluates() ? "" : "/value");
}

std::string shape_name(int dim, int hidden, int layers, std::int64_t batch, int projections) {
  return "/d:" + std::to_string(dim) + "/H:" + std::to_string(hidden) + "/L:" + std::to_string(layers) +
         (projections > 0 ? "/M:" + std::to_string(projections) : "") + "/N:" + std::to_string(batch);
}

Engine Job::make_engine(int all_threads) const {
  if (engine == "reference") return Engine::reference();
  if (engine.compare(0, 3, "cpu") == 0) return Engine::cpu(threads(all_threads));
  return Engine::cuda();
}

MlpShape Job::net() const {
  const std::vector<int> widths(static_cast<std::size_t>(layers), hidden);
  MlpShape net = MlpShape::score(dim, widths);
  net.kind = kind;
  if (samples()) {
    net.parameterization = parameterization::Edm{};
    net.conditioning = conditioning::LogSigma{};
  }
  return net;
}

Loss Job::loss() const {
  if (objective == "esm") return {Esm{}};
  if (objective == "ism") return {Ism{}};
  if (objective == "dsm") return {Dsm{}, schedule::Single{0.5}, weighting::Sigma2{}};
  if (objective == "ssm") return {Ssm{projections, Projection::rademacher}};
  return {SsmVr{projections, Projection::rademacher}};
}

Sampler Job::sampler() const {
  if (objective == "reverse") return ReverseSde{};
  return ProbabilityFlow{};
}

Compute Job::compute() const {
  if (engine == "cuda-tf32") return {Precision::tf32};
  if (engine == "cuda-bf16" || engine == "cpu-bf16") return {Precision::bf16};
  if (engine == "cuda-bf16-fused") return {Precision::bf16, Route::fused};
  if (engine == "cuda-bf16-layered") return {Precision::bf16, Route::layered};
  return {Precision::fp32};
}

}  // namespace scorematch::bench
