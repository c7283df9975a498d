#include "cli/models/eval_case.h"

#include <algorithm>
#include <cmath>

#include "formats/spec_plans.h"
#include "model/network.h"
#include "scorematch/error.h"
#include "scorematch/loss.h"
#include "scorematch/perturbation.h"
#include "scorematch/score.h"

namespace scorematch::cli {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& tensor, const std::string& expected,
                       const std::string& got) {
  throw Error(ErrorCode::io, tensor, path + ": tensor '" + tensor + "': expected " + expected + ", got " + got);
}

/// A case that is being parsed: what is left in `tensors` is unknown.
struct Case {
  std::string path;
  std::map<std::string, Tensor> tensors;
  MlpShape net;
  Loss loss;
  std::int64_t batch = 0;
  std::vector<double> params;

  bool has(const std::string& name) const { return tensors.count(name) > 0; }

  Tensor take(const std::string& name, const std::vector<std::int64_t>& shape) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) fail(path, name, describe_shape(shape), "nothing");
    if (found->second.shape != shape) fail(path, name, describe_shape(shape), describe_shape(found->second.shape));
    Tensor tensor = std::move(found->second);
    tensors.erase(found);
    return tensor;
  }
  Tensor take_if(bool wanted, const std::string& name, const std::vector<std::int64_t>& shape) {
    return wanted ? take(name, shape) : Tensor{};
  }
};

/// Widths from layers.K.weight, then the parameters in the plan's order.
void read_layers(Case& c) {
  std::vector<std::vector<std::int64_t>> shapes;
  for (int k = 0; c.has("layers." + std::to_string(k) + ".weight"); ++k) {
    const std::string name = "layers." + std::to_string(k) + ".weight";
    const auto& shape = c.tensors.at(name).shape;
    if (shape.size() != 2 || shape[0] < 1 || shape[1] < 1 || shape[0] > (1 << 20) || shape[1] > (1 << 22))
      fail(c.path, name, "[out, in]", describe_shape(shape));
    shapes.push_back(shape);
  }
  if (shapes.empty()) fail(c.path, "layers.0.weight", "[out, in]", "nothing");
  for (std::size_t k = 0; k + 1 < shapes.size(); ++k) c.net.hidden.push_back(static_cast<int>(shapes[k][0]));
  int k = 0;
  for (const MlpShape::Layer& layer : c.net.layers()) {
    const std::string name = "layers." + std::to_string(k++);
    for (const Tensor& part : {c.take(name + ".weight", {layer.out, layer.in}), c.take(name + ".bias", {layer.out})}) {
      const std::vector<double> values = part.as_double();
      c.params.insert(c.params.end(), values.begin(), values.end());
    }
  }
}

Objective read_objective(MetadataReader& reader, const Case& c) {
  int projections = 0;
  if (const auto found = c.tensors.find("directions"); found != c.tensors.end() && found->second.shape.size() == 3)
    projections = static_cast<int>(std::min<std::int64_t>(found->second.shape[0], 1 << 20));
  return make_objective(reader.take_choice<ObjectiveKind>(), std::max(projections, 1));
}

Case read_case(const std::string& path, SafetensorsFile file) {
  Case c;
  c.path = path;
  c.tensors = std::move(file.tensors);
  for (const OldKey& each : kOldTensors) {
    if (c.has(each.key)) continue;
    if (auto tensor = c.tensors.extract(each.old_key); !tensor.empty()) {
      tensor.key() = each.key;
      c.tensors.insert(std::move(tensor));
    }
  }
  MetadataReader reader(path, std::move(file.metadata));
  const auto x = c.tensors.find("x");
  if (x == c.tensors.end()) fail(path, "x", "[N, d]", "nothing");
  if (x->second.shape.size() != 2 || x->second.shape[0] < 1 || x->second.shape[1] < 1 || x->second.shape[1] > (1 << 20))
    fail(path, "x", "[N, d]", describe_shape(x->second.shape));
  std::vector<double> frequencies;
  const bool fourier = c.has("fourier.frequencies");
  if (fourier) {
    const std::int64_t count = c.tensors.at("fourier.frequencies").count();
    frequencies = c.take("fourier.frequencies", {count}).as_double();
  }
  c.loss.objective = read_objective(reader, c);
  const double sigma_data = MetadataReader(reader).take_number("sigma_data", 0.5);
  c.net = read_net(reader, frequencies, fourier);
  c.net.dim = static_cast<int>(x->second.shape[1]);
  c.batch = x->second.shape[0];
  c.loss.weighting = read_weighting(reader, sigma_data);
  reader.refuse_rest();
  read_layers(c);
  return c;
}

template <class T>
std::vector<T> values_of(const Tensor& tensor) {
  if constexpr (std::is_same_v<T, double>)
    return tensor.as_double();
  else
    return tensor.as_float();
}

/// The case's inputs and outputs in the engine's memory, with elements of type T.
template <class T>
class Evaluation {
 public:
  Evaluation(const Engine& engine, Case c) : engine_(engine), case_(std::move(c)) {}

  SafetensorsFile run() {
    const std::int64_t n = case_.batch, d = case_.net.dim;
    const Needs needs = needs_of(case_.loss.objective);
    const bool noisy = needs.eps || case_.has("eps");
    const bool net_sigma = uses_sigma(case_.net.parameterization, case_.net.conditioning);
    const bool is_weighted = case_.loss.weighting.kind != Weighting::Kind::none;
    const std::int64_t m = needs.projections;
    const Tensor x = case_.take("x", {n, d});
    const Tensor eps = case_.take_if(noisy, "eps", {n, d});
    const Tensor sigma = case_.take_if(noisy || net_sigma || is_weighted, "sigma", {n});
    const Tensor directions = case_.take_if(needs.projections > 0, "directions", {m, n, d});
    const Tensor true_score = case_.take_if(needs.true_score, "true_score", {n, d});
    const Context& net_context = case_.net.context;
    const std::int64_t columns = net_context.columns;
    const bool labeled = columns > 0 && case_.has("labels");
    const bool has_context = columns > 0 && !labeled && (!net_context.optional || case_.has("context"));
    const std::vector<std::int64_t> labels = take_labels(labeled);
    const Tensor context = case_.take_if(has_context, "context", {n, columns});
    const Tensor present = case_.take_if(net_context.optional && case_.has("present"), "present", {n});
    if (!case_.tensors.empty())
      fail(case_.path, case_.tensors.begin()->first, "no such tensor for this objective", "one");

    auto params = engine_.upload(std::vector<T>(case_.params.begin(), case_.params.end()));
    auto x_memory = upload(x), eps_memory = upload(eps), sigma_memory = upload(sigma);
    auto direction_memory = upload(directions), true_memory = upload(true_score);
    auto context_memory = upload(context), present_memory = upload(present);
    LossPlan plan(engine_, case_.net, case_.loss, n);
    Queue queue(engine_, plan.workspace_bytes());
    auto grad = engine_.template allocate<T>(case_.net.param_count());
    auto grad_x = engine_.template allocate<T>({n, d});
    auto per_sample = engine_.template allocate<T>(n);
    auto loss = engine_.template allocate<Estimate>();
    LossPlan::In in{params, {x_memory}};
    if (sigma.count() > 0) in.batch.sigma = sigma_memory;
    if (eps.count() > 0) in.batch.eps = eps_memory;
    if (directions.count() > 0) in.batch.directions = direction_memory;
    if (true_score.count() > 0) in.batch.true_score = true_memory;
    auto label_memory = engine_.upload(labels);
    if (labeled) in.batch.labels = label_memory;
    if (context.count() > 0) in.batch.context = context_memory;
    if (present.count() > 0) in.batch.present = present_memory;
    auto grad_context = engine_.template allocate<T>({n, std::max<std::int64_t>(columns, 1)});
    LossPlan::Out result{loss.data(), grad, grad_x, per_sample};
    if (columns > 0) result.grad_context = grad_context;
    plan.run(queue, in, result);

    SafetensorsFile out;
    const Estimate estimate = queue.read_one(loss);
    put(out, "loss", {1}, {static_cast<T>(estimate.mean)});
    put(out, "standard_error", {1}, {static_cast<T>(estimate.standard_error())});
    put(out, "loss_per_sample", {n}, queue.read(per_sample));
    put(out, "grad.x", {n, d}, queue.read(grad_x));
    if (columns > 0) put(out, "grad.context", {n, columns}, queue.read(grad_context));
    put_layers(out, queue.read(grad));
    add_score(out, params, in, static_cast<int>(m), net_sigma);
    return out;
  }

 private:
  /// The classes, which the file has as numbers.
  std::vector<std::int64_t> take_labels(bool given) {
    std::vector<std::int64_t> labels;
    for (const double each : case_.take_if(given, "labels", {case_.batch}).as_double()) {
      if (!(each >= 0 && each < case_.net.context.columns) || each != std::floor(each))
        fail(case_.path, "labels", "classes from 0 to " + std::to_string(case_.net.context.columns - 1),
             number_text(each));
      labels.push_back(static_cast<std::int64_t>(each));
    }
    return labels;
  }

  Buffer<T> upload(const Tensor& tensor) {
    Shape shape;
    for (const std::int64_t each : tensor.shape) shape.extent[shape.rank++] = each;
    if (tensor.count() == 0) return engine_.template allocate<T>();
    return engine_.upload(values_of<T>(tensor), shape);
  }

  static void put(SafetensorsFile& out, const std::string& name, std::vector<std::int64_t> shape,
                  std::vector<T> values) {
    out.tensors[name] = {std::move(shape), std::move(values)};
  }

  void put_layers(SafetensorsFile& out, const std::vector<T>& grad) {
    int k = 0;
    for (const MlpShape::Layer& layer : case_.net.layers()) {
      const std::string name = "grad.layers." + std::to_string(k++);
      const auto begin = grad.begin() + layer.weight, middle = grad.begin() + layer.bias;
      put(out, name + ".weight", {layer.out, layer.in}, {begin, middle});
      put(out, name + ".bias", {layer.out}, {middle, middle + layer.out});
    }
  }

  /// The score and its products, at the point where the loss was evaluated.
  void add_score(SafetensorsFile& out, const Buffer<T>& params, const LossPlan::In& in, int m, bool net_sigma) {
    const std::int64_t n = case_.batch, d = case_.net.dim;
    auto x_tilde = engine_.template allocate<T>({n, d});
    ScorePlan plan(engine_, case_.net, n, m);
    PerturbPlan perturb(engine_, case_.net.dim, schedule::None{}, n);
    Queue queue(engine_, plan.workspace_bytes());
    ConstView at = in.batch.x;
    if (!in.batch.eps.empty()) {
      perturb.run(queue, {in.batch.x, {}, in.batch.sigma, in.batch.eps}, {{}, {}, x_tilde});
      at = x_tilde;
    }
    auto score = engine_.template allocate<T>({n, d});
    auto jvp = engine_.template allocate<T>({std::max(m, 1), n, d});
    ScorePlan::In score_in{params, {at}};
    if (net_sigma) score_in.batch.sigma = in.batch.sigma;
    score_in.batch.context = in.batch.context, score_in.batch.present = in.batch.present;
    score_in.batch.labels = in.batch.labels;
    ScorePlan::Out score_out;
    score_out.score = score;
    const bool has_density = case_.net.kind == MlpShape::Kind::energy;
    auto log_density = engine_.template allocate<T>(n);
    if (has_density) score_out.log_density = log_density;
    if (m > 0) score_in.batch.directions = in.batch.directions, score_out.jvp = jvp;
    plan.run(queue, score_in, score_out);
    put(out, "score", {n, d}, queue.read(score));
    if (m > 0) put(out, "jvp", {m, n, d}, queue.read(jvp));
    if (has_density) put(out, "log_density", {n}, queue.read(log_density));
  }

  const Engine& engine_;
  Case case_;
};

}  // namespace

SafetensorsFile evaluate_case(const Engine& engine, const std::string& path, SafetensorsFile file) {
  Case c = read_case(path, std::move(file));
  if (engine.kind() == Engine::Kind::reference) return Evaluation<double>(engine, std::move(c)).run();
  return Evaluation<float>(engine, std::move(c)).run();
}

}  // namespace scorematch::cli
