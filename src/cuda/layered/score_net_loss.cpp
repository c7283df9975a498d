// Loss and gradients of a batch of a score net, layer by layer: for each chunk and each term of the objective the
// prologue, the jet, the head, and back; groups of directions one after the other over the same samples, so that memory
// does not grow with their number.
#include "cuda/layered/loss_run.h"
#include "cuda/runtime/status.h"

namespace scorematch::cuda {
namespace {

struct ScoreLossProblem : LossProblem {
  ScoreLossProblem(const LossSpec& spec_, const Context& context) : LossProblem(spec_, 0, context) {
    for (std::int64_t rung = kLeastRows; rung <= net.rows; rung *= 2) {
      if (directions == 0) prepare({rung, 0, 1});
      for_each_group(directions, [&](int first, int count) {
        if (first > kMostTangents && first + 2 * kMostTangents < directions) return;  // as the group before
        prepare(forward_slots(rung, first, count));
        prepare(backward_slots(rung, first, count));
      });
    }
  }

  /// The value goes forward with the first group of directions, and back with the last.
  Slots forward_slots(std::int64_t chunk, int first, int count) const { return {chunk, first == 0 ? 0 : 1, 1 + count}; }
  Slots backward_slots(std::int64_t chunk, int first, int count) const {
    return {chunk, first + count == directions ? 0 : 1, 1 + count};
  }
  LossWorkspace workspace(bool gradient, DeviceArena arena) const {
    JetParts parts;
    parts.gradient = gradient;
    return {*this, parts, terms[0].sliced_square, arena};
  }
  /// With both gradients' outputs empty but the parameters', and without the input's gradient.
  int launches(std::int64_t batch) const {
    const int layers = static_cast<int>(net.padded.hidden().size());
    int groups = 0;
    for_each_group(directions, [&](int, int) { ++groups; });
    // A jet forward: two a layer, and the output of value and tangents. Back: a layer's kernel, two products, and, of
    // the value, its bias; the output's alike.
    const int forward = groups == 0 ? 2 * layers + 1 : groups * (2 * layers + 1) + 1;
    const int backward = groups == 0 ? 4 * layers + 3 : groups * (3 * layers + 1) + layers + 2;
    const int around = groups == 0 ? 2 : 1 + 2 * groups;
    return 3 + net.chunks(batch) * (1 + static_cast<int>(terms.size()) * (forward + backward + around));
  }

 private:
  void prepare(const Slots& slots) {
    Jet::prepare_forward(net.padded, slots, net.gemms);
    if (slots.has_value()) Jet::prepare_output(net.padded, slots.rows, true, net.gemms);
    if (slots.tangents() > 0) Jet::prepare_output(net.padded, slots.tangents() * slots.rows, false, net.gemms);
    Jet::prepare_backward(net.padded, slots, net.gemms);
  }
};

class ScoreLossRun final : public LossRun {
 public:
  ScoreLossRun(const ScoreLossProblem& problem, Queue::Impl& queue, const LossIn& in, const LossOut& out,
               std::int64_t batch, const Reduction& reduction, const LossWorkspace& workspace)
      : LossRun(problem, queue, in, out, batch, reduction, workspace), problem_(problem) {}

 private:
  void run_term(const Chunk& chunk, const Term& term, bool is_further) override {
    perturb(chunk, term.point);
    if (problem_.directions == 0) {
      const Slots slots{chunk.rows, 0, 1};
      workspace_.jet.forward(workspace_.parameters(), slots, stream_);
      head(chunk, term, is_further, slots, 0);
      if (gradient_) backward(slots, false);
    }
    for_each_group(problem_.directions, [&](int first, int count) {
      const Slots slots = problem_.forward_slots(chunk.rows, first, count);
      draw_directions(chunk, slots, first);
      workspace_.jet.forward(workspace_.parameters(), slots, stream_);
      head(chunk, term, is_further, slots, first);
      if (gradient_) backward(problem_.backward_slots(chunk.rows, first, count), first > 0);
    });
    if (!out_.grad_x.empty()) add_input_gradient(chunk);
  }

  void head(const Chunk& chunk, const Term& term, bool is_further, const Slots& slots, int first) const {
    const int width = problem_.net.padded.last().out, count = slots.tangents();
    const std::int64_t plane = chunk.rows * width;
    kernels::HeadParams p = head_of(chunk, term, is_further);
    p.output = workspace_.jet.output(slots, 0), p.output_stride = width;
    if (count > 0) p.jvp = workspace_.jet.output(slots, 1), p.jvp_plane = plane, p.jvp_stride = width;
    p.first_direction = first, p.count = count;
    p.first_group = first == 0, p.last_group = first + count == problem_.directions;
    p.bar_columns = width;
    if (gradient_) {
      p.output_bar = workspace_.jet.output_bar(slots, 0), p.output_bar_stride = width;
      if (count > 0) p.jvp_bar = workspace_.jet.output_bar(slots, 1), p.jvp_bar_plane = plane, p.jvp_bar_stride = width;
      p.score_bar = workspace_.score_bar, p.score_bar_stride = width;
    }
    check_launch(kernels::launch_head(p, problem_.net.element, stream_), "head");
  }

  void backward(const Slots& slots, bool has_curvature) const {
    workspace_.jet.backward(workspace_.parameters(), workspace_.gradients, slots, has_curvature, !out_.grad_x.empty(),
                            stream_);
  }

  const ScoreLossProblem& problem_;
};

}  // namespace

std::unique_ptr<LossProgram> make_layered_loss(const LossSpec& spec, const Context& context) {
  return std::make_unique<LayeredLoss<ScoreLossProblem, ScoreLossRun>>(spec, context);
}

}  // namespace scorematch::cuda
