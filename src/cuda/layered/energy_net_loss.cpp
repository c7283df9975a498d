// Loss and gradients of a batch of an energy net, layer by layer (docs/math.md, section "Energy nets"). For each chunk
// and each term of the objective:
//
//   the value forward
//   s: a way back to the input, the head, which leaves u, lambda/N b s^
//   directions forward, group by group, q adding up; the last group with u and the second derivatives
//   back: the last group first, as the others ask for h"^; those forward once more, and back; the value with the last
//   to go
//
// so that memory does not grow with the number of directions. The adjoints of F_m, F" and F_u are numbers, and F has
// none.
#include "cuda/layered/loss_run.h"
#include "cuda/runtime/status.h"

namespace scorematch::cuda {
namespace {

/// Directions first ... + count - 1; one group of none where the objective has none.
struct Group {
  int first = 0, count = 0;
  bool is_last = true;
};

struct EnergyLossProblem : LossProblem {
  EnergyLossProblem(const LossSpec& spec_, const Context& context)
      : LossProblem(spec_, further_slots(spec_), context), has_score(terms[0].needs_score()) {
    for_each_group(directions, [&](int first, int count) { groups.push_back({first, count, false}); });
    if (groups.empty()) groups.push_back({});
    groups.back().is_last = true;
    for (std::int64_t rung = kLeastRows; rung <= net.rows; rung *= 2) {
      const Slots value{rung, 0, 1};
      Jet::prepare_forward(net.padded, value, net.gemms);
      if (has_score) Jet::prepare_gradient(net.padded, value, net.gemms);
      for (const Group& group : groups) prepare(rung, group);
    }
  }

  bool is_single() const { return groups.size() == 1; }
  /// A group on its way forward, with u where there is a way back.
  Slots slots(std::int64_t rows, const Group& group, bool with_u) const {
    Slots result{rows, 1, 1 + group.count, group.count, group.is_last && directions > 0};
    if (group.is_last && has_score && with_u) ++result.count;
    return result;
  }
  /// The last group goes back first.
  Slots backward_slots(std::int64_t rows, const Group& group) const {
    Slots result = slots(rows, group, true);
    if (is_single() || group.first == groups[groups.size() - 2].first) result.first = 0;
    return result;
  }
  LossWorkspace workspace(bool gradient, DeviceArena arena) const {
    JetParts parts;
    parts.gradient = gradient, parts.energy = true, parts.second = directions > 0;
    parts.further_groups = !is_single(), parts.gradient_slots = 1;
    return {*this, parts, false, arena};
  }

  /// With the parameters' gradient, and without the input's.
  int launches(std::int64_t batch) const {
    const int layers = static_cast<int>(net.padded.hidden().size());
    const int count = static_cast<int>(groups.size());
    const bool directed = directions > 0;
    const int widened = net.element == kernels::Element::bf16 ? 1 : 0;
    // Of s: two a layer, the output's product, and the head.
    const int score = has_score ? 2 * layers + 2 + widened : 0;
    // Forward: two a layer, the head; directions, and the outputs that are asked for.
    const int group = 2 * layers + 1 + (directed ? 1 : 0) + (terms[0].sliced_square ? 1 : 0);
    const int second = directed ? (layers == 0 ? 2 : 1) : 0;
    // Back: a layer's kernel and two products, of the value its bias; the output's two. Not to the input.
    const int backward = count * (layers == 0 ? 1 : 1 + 3 * layers) + layers;
    const int term = 1 + 2 * layers + score + (2 * count - 1) * group + second + backward;
    return 3 + (has_score ? 1 : 0) + net.chunks(batch) * (1 + static_cast<int>(terms.size()) * term);
  }

  bool has_score;  // u is a tangent
  std::vector<Group> groups;

 private:
  static int further_slots(const LossSpec& spec) {
    const Term term = terms_of(spec.loss.objective)[0];
    return (term.needs_score() ? 1 : 0) + (term.directions == Term::Directions::none ? 0 : 1);
  }
  void prepare(std::int64_t rung, const Group& group) {
    if (group.first > kMostTangents && group.first + 2 * kMostTangents < directions) return;  // as the group before
    for (const bool with_u : {false, true})
      if (const Slots forward = slots(rung, group, with_u); forward.all_rows() > 0)
        Jet::prepare_forward(net.padded, forward, net.gemms);
    if (group.is_last) Jet::prepare_output(net.padded, rung, false, net.gemms);
    if (terms[0].sliced_square) Jet::prepare_output(net.padded, group.count * rung, false, net.gemms);
    Jet::prepare_backward(net.padded, backward_slots(rung, group), net.gemms);
  }
};

class EnergyLossRun final : public LossRun {
 public:
  EnergyLossRun(const EnergyLossProblem& problem, Queue::Impl& queue, const LossIn& in, const LossOut& out,
                std::int64_t batch, const Reduction& reduction, const LossWorkspace& workspace)
      : LossRun(problem, queue, in, out, batch, reduction, workspace), problem_(problem) {
    if (problem.has_score) workspace.jet.fill_unit(stream_);
  }

 private:
  void run_term(const Chunk& chunk, const Term& term, bool is_further) override {
    const Slots value{chunk.rows, 0, 1};
    perturb(chunk, term.point);
    workspace_.jet.forward_hidden(workspace_.parameters(), value, false, false, stream_);
    for (const Group& group : problem_.groups) {
      if (group.is_last && term.needs_score()) add_score_term(chunk, term, is_further);
      const Slots slots = problem_.slots(chunk.rows, group, gradient_);
      if (slots.all_rows() == 0) continue;
      go_forward(chunk, group, slots, false);
      const bool goes_back = gradient_ && group.is_last;
      head(chunk, term, is_further, group, slots, true, goes_back);
      if (goes_back) backward(chunk, group, false);
    }
    if (!gradient_) return;
    for (const Group& group : problem_.groups) {
      if (group.is_last) break;
      const Slots slots = problem_.slots(chunk.rows, group, true);
      go_forward(chunk, group, slots, true);
      head(chunk, term, is_further, group, slots, false, true);
      backward(chunk, group, true);
    }
    if (!out_.grad_x.empty()) add_input_gradient(chunk);
  }

  void add_score_term(const Chunk& chunk, const Term& term, bool is_further) const {
    const Slots value{chunk.rows, 0, 1};
    const Group& last = problem_.groups.back();
    workspace_.jet.gradient(workspace_.parameters(), value, stream_);
    kernels::HeadParams p = head_of(chunk, term, is_further);
    p.output = workspace_.jet.input_gradient(value, 0);
    p.output_stride = p.bar_columns = problem_.net.padded.first().in;
    p.first_group = problem_.is_single();  // else groups have left their loss
    if (gradient_) {
      p.output_bar = workspace_.jet.input(problem_.slots(chunk.rows, last, true), 1 + last.count);
      p.output_bar_stride = p.bar_columns;
    }
    check_launch(kernels::launch_head(p, problem_.net.element, stream_), "head");
  }

  void go_forward(const Chunk& chunk, const Group& group, const Slots& slots, bool again) const {
    const Jet& jet = workspace_.jet;
    if (group.count > 0) draw_directions(chunk, {chunk.rows, 1, 1 + group.count}, group.first);
    jet.forward_hidden(workspace_.parameters(), slots, group.first > 0, again, stream_);
    if (problem_.terms[0].sliced_square) jet.apply_output(workspace_.parameters(), slots, 1, group.count, stream_);
    if (slots.second) jet.apply_output(workspace_.parameters(), slots, slots.count, 1, stream_);
  }

  void head(const Chunk& chunk, const Term& term, bool is_further, const Group& group, const Slots& slots, bool loss,
            bool goes_back) const {
    const Jet& jet = workspace_.jet;
    const int width = problem_.net.padded.last().out;
    kernels::EnergyHeadParams p;
    p.head = head_of(chunk, term, is_further);
    p.head.jvp = jet.output(slots, 1), p.head.jvp_plane = chunk.rows * width, p.head.jvp_stride = width;
    p.head.first_direction = group.first, p.head.count = group.count;
    const bool score_before = term.needs_score() && group.is_last;
    p.head.first_group = group.first == 0 && !score_before;
    p.head.bar_columns = width, p.head.jvp_bar_plane = chunk.rows * width, p.head.jvp_bar_stride = width;
    if (!loss || group.count == 0) p.head.loss = nullptr;
    if (!loss) p.head.grad_x = nullptr;
    if (slots.second) p.second = jet.output(slots, slots.count);
    if (goes_back) {
      p.head.jvp_bar = jet.output_bar(slots, 1);
      if (problem_.backward_slots(chunk.rows, group).has_value()) p.value_bar = jet.output_bar(slots, 0);
      if (slots.tangents() > group.count) p.unit_bar = jet.output_bar(slots, 1 + group.count);
      if (slots.second) p.second_bar = jet.output_bar(slots, slots.count);
    }
    check_launch(kernels::launch_energy_head(p, problem_.net.element, stream_), "energy_head");
  }

  void backward(const Chunk& chunk, const Group& group, bool has_curvature) const {
    workspace_.jet.backward(workspace_.parameters(), workspace_.gradients, problem_.backward_slots(chunk.rows, group),
                            has_curvature, !out_.grad_x.empty(), stream_);
  }

  const EnergyLossProblem& problem_;
};

}  // namespace

std::unique_ptr<LossProgram> make_layered_energy_loss(const LossSpec& spec, const Context& context) {
  return std::make_unique<LayeredLoss<EnergyLossProblem, EnergyLossRun>>(spec, context);
}

}  // namespace scorematch::cuda
