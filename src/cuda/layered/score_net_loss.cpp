// The loss and gradients of a batch of a score net, layer by layer. For each chunk and each term of the objective:
// perturbation, jet, head, and backward pass. Groups of directions run one after the other over the same samples, so
// memory does not grow with their number.
#include "cuda/layered/loss_run.h"
#include "cuda/runtime/status.h"

namespace scorematch::cuda {
namespace {

struct ScoreLossProblem : LossProblem {
  ScoreLossProblem(const LossSpec& spec_, const Context& context) : LossProblem(spec_, 0, context) {
    for (std::int64_t rung = kLeastRows; rung <= net.rows; rung *= 2) {
      if (directions == 0) prepare({rung, 0, 1});
      for_each_group(directions, [&](int first, int count) {
        if (first > kMostTangents && first + 2 * kMostTangents < directions) return;  // same as the previous group
        prepare(forward_channels(rung, first, count));
        prepare(backward_channels(rung, first, count));
      });
    }
  }

  /// The value runs forward with the first group of directions, and backward with the last.
  Channels forward_channels(std::int64_t chunk, int first, int count) const {
    return {chunk, first == 0 ? 0 : 1, 1 + count};
  }
  Channels backward_channels(std::int64_t chunk, int first, int count) const {
    return {chunk, first + count == directions ? 0 : 1, 1 + count};
  }
  LossWorkspace workspace(bool gradient, DeviceArena arena) const {
    JetParts parts;
    parts.gradient = gradient;
    return {*this, parts, terms[0].sliced_square, arena};
  }
  /// The launches of a call that computes the gradient of the parameters but not of the input.
  int launches(std::int64_t batch) const {
    const int layers = static_cast<int>(net.padded.hidden().size());
    int groups = 0;
    for_each_group(directions, [&](int, int) { ++groups; });
    // Forward: two per layer, and the outputs of the value and the tangents. Backward: one kernel and two products per
    // layer, and for the value the bias; the same for the output layer.
    const int forward = groups == 0 ? 2 * layers + 1 : groups * (2 * layers + 1) + 1;
    const int backward = groups == 0 ? 4 * layers + 3 : groups * (3 * layers + 1) + layers + 2;
    const int around = groups == 0 ? 2 : 1 + 2 * groups;
    return 3 + net.chunks(batch) * (1 + static_cast<int>(terms.size()) * (forward + backward + around));
  }

 private:
  void prepare(const Channels& channels) {
    Jet::prepare_forward(net.padded, channels, net.gemms);
    if (channels.has_value()) Jet::prepare_output(net.padded, channels.rows, true, net.gemms);
    if (channels.tangents() > 0) Jet::prepare_output(net.padded, channels.tangents() * channels.rows, false, net.gemms);
    Jet::prepare_backward(net.padded, channels, net.gemms);
  }
};

class ScoreLossRun {
 public:
  ScoreLossRun(const ScoreLossProblem& problem, const LossCall& call) : problem_(problem), call_(call) {}

  void run(const Chunk& chunk, const Term& term, bool is_further) const {
    call_.perturb(chunk, term.point);
    if (problem_.directions == 0) {
      const Channels channels{chunk.rows, 0, 1};
      call_.workspace.jet.forward(call_.workspace.parameters(), channels, call_.stream);
      head(chunk, term, is_further, channels, 0);
      if (call_.gradient) backward(channels, false);
    }
    for_each_group(problem_.directions, [&](int first, int count) {
      const Channels channels = problem_.forward_channels(chunk.rows, first, count);
      call_.draw_directions(chunk, channels, first);
      call_.workspace.jet.forward(call_.workspace.parameters(), channels, call_.stream);
      head(chunk, term, is_further, channels, first);
      if (call_.gradient) backward(problem_.backward_channels(chunk.rows, first, count), first > 0);
    });
    if (wants_input_gradient(call_.out)) call_.store_input_gradients(chunk, is_further);
  }

 private:
  void head(const Chunk& chunk, const Term& term, bool is_further, const Channels& channels, int first) const {
    const int width = problem_.net.padded.last().out, count = channels.tangents();
    const std::int64_t plane = chunk.rows * width;
    kernels::HeadParams p = call_.head_of(chunk, term, is_further);
    p.output = call_.workspace.jet.output(channels, 0), p.output_stride = width;
    if (count > 0) p.jvp = call_.workspace.jet.output(channels, 1), p.jvp_plane = plane, p.jvp_stride = width;
    p.first_direction = first, p.count = count;
    p.first_group = first == 0, p.last_group = first + count == problem_.directions;
    p.grad_columns = width;
    p.loss_per_direction = at(call_.out.loss_per_direction, chunk.first);
    p.loss_per_direction_plane = call_.out.loss_per_direction.stride[0];
    if (call_.gradient) {
      p.grad_output = call_.workspace.jet.grad_output(channels, 0), p.grad_output_stride = width;
      if (count > 0)
        p.grad_jvp = call_.workspace.jet.grad_output(channels, 1), p.grad_jvp_plane = plane, p.grad_jvp_stride = width;
      p.grad_score = call_.workspace.grad_score, p.grad_score_stride = width;
    }
    check_launch(kernels::launch_head(p, problem_.net.element, call_.stream), "head");
  }

  void backward(const Channels& channels, bool has_curvature) const {
    call_.workspace.jet.backward(call_.workspace.parameters(), call_.workspace.gradients, channels, has_curvature,
                                 wants_input_gradient(call_.out), call_.stream);
  }

  const ScoreLossProblem& problem_;
  const LossCall& call_;
};

}  // namespace

std::unique_ptr<LossProgram> make_layered_loss(const LossSpec& spec, const Context& context) {
  return std::make_unique<LayeredLoss<ScoreLossProblem, ScoreLossRun>>(spec, context);
}

}  // namespace scorematch::cuda
