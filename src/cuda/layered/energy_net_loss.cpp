// The loss and gradients of a batch of an energy net, layer by layer (docs/math.md, section "Energy nets"). For each
// chunk and each term of the objective:
//
//   1. The forward pass of the value.
//   2. s: a backward pass to the input, then the head, which computes u, lambda/N b grad_s.
//   3. The forward pass of the directions, group by group, which sums q. The last group includes u and the second
//      derivatives.
//   4. The backward pass: the last group first, because the others need grad_h"; each of them is run forward again,
//      then backward. The value is part of the group that runs last.
//
// So memory does not grow with the number of directions. The gradients of F_m, F" and F_u are scalars; F has none.
#include "cuda/layered/loss_run.h"
#include "cuda/runtime/status.h"

namespace scorematch::cuda {
namespace {

/// Directions first ... first + count - 1. An objective without directions has one empty group.
struct Group {
  int first = 0, count = 0;
  bool is_last = true;
};

struct EnergyLossProblem : LossProblem {
  EnergyLossProblem(const LossSpec& spec_, const Context& context)
      : LossProblem(spec_, further_channels(spec_), context), has_score(terms[0].needs_score()) {
    for_each_group(directions, [&](int first, int count) { groups.push_back({first, count, false}); });
    if (groups.empty()) groups.push_back({});
    groups.back().is_last = true;
    for (std::int64_t rung = kLeastRows; rung <= net.rows; rung *= 2) {
      const Channels value{rung, 0, 1};
      Jet::prepare_forward(net.padded, value, net.gemms);
      if (has_score) Jet::prepare_gradient(net.padded, value, net.gemms);
      if (directions > 0) prepare_lone(rung);
      for (const Group& group : groups) prepare(rung, group);
    }
  }

  bool is_single() const { return groups.size() == 1; }
  /// The channels of a group in the forward pass. @param with_u there is a backward pass, so the last group has u
  Channels channels(std::int64_t rows, const Group& group, bool with_u) const {
    Channels result{rows, 1, 1 + group.count, group.count, group.is_last && directions > 0};
    if (group.is_last && has_score && with_u) ++result.count;
    return result;
  }
  /// The channels of a group in the backward pass, which runs the last group first.
  Channels backward_channels(std::int64_t rows, const Group& group) const {
    Channels result = channels(rows, group, true);
    if (is_single() || group.first == groups[groups.size() - 2].first) result.first = 0;
    return result;
  }
  /// One direction with the second derivatives along it.
  static Channels lone_channels(std::int64_t rows) { return {rows, 1, 2, 1, true}; }
  LossWorkspace workspace(bool gradient, DeviceArena arena) const {
    JetParts parts;
    parts.gradient = gradient, parts.energy = true, parts.second = directions > 0;
    parts.further_groups = !is_single(), parts.gradient_channels = 1;
    return {*this, parts, false, arena};
  }

  /// The launches of a call that computes the gradient of the parameters but not of the input.
  int launches(std::int64_t batch) const {
    const int layers = static_cast<int>(net.padded.hidden().size());
    const int count = static_cast<int>(groups.size());
    const bool directed = directions > 0;
    const int widened = net.element == kernels::Element::bf16 ? 1 : 0;
    // s: two per layer, the product of the output layer, and the head.
    const int score = has_score ? 2 * layers + 2 + widened : 0;
    // Forward: two per layer, and the head; the directions, and the outputs that are needed.
    const int group = 2 * layers + 1 + (directed ? 1 : 0) + (terms[0].sliced_square ? 1 : 0);
    const int second = directed ? (layers == 0 ? 2 : 1) : 0;
    // Backward: one kernel and two products per layer, and for the value the bias; two products of the output layer.
    // There is no product for the gradient of the input.
    const int backward = count * (layers == 0 ? 1 : 1 + 3 * layers) + layers;
    const int term = 1 + 2 * layers + score + (2 * count - 1) * group + second + backward;
    return 3 + (has_score ? 1 : 0) + net.chunks(batch) * (1 + static_cast<int>(terms.size()) * term);
  }

  bool has_score;  // u is a tangent
  std::vector<Group> groups;

 private:
  static int further_channels(const LossSpec& spec) {
    const Term term = terms_of(spec.loss.objective)[0];
    return (term.needs_score() ? 1 : 0) + (term.directions == Term::Directions::none ? 0 : 1);
  }
  void prepare_lone(std::int64_t rung) {
    Jet::prepare_forward(net.padded, lone_channels(rung), net.gemms);
    Jet::prepare_output(net.padded, rung, false, net.gemms);
  }
  void prepare(std::int64_t rung, const Group& group) {
    if (group.first > kMostTangents && group.first + 2 * kMostTangents < directions) return;  // same as before
    for (const bool with_u : {false, true})
      if (const Channels forward = channels(rung, group, with_u); forward.all_rows() > 0)
        Jet::prepare_forward(net.padded, forward, net.gemms);
    if (group.is_last) Jet::prepare_output(net.padded, rung, false, net.gemms);
    if (terms[0].sliced_square) Jet::prepare_output(net.padded, group.count * rung, false, net.gemms);
    Jet::prepare_backward(net.padded, backward_channels(rung, group), net.gemms);
  }
};

class EnergyLossRun {
 public:
  EnergyLossRun(const EnergyLossProblem& problem, const LossCall& call) : problem_(problem), call_(call) {
    if (problem.has_score) call.workspace.jet.fill_unit(call.stream);
  }

  void run(const Chunk& chunk, const Term& term, bool is_further) const {
    const Channels value{chunk.rows, 0, 1};
    call_.perturb(chunk, term.point);
    call_.workspace.jet.forward_hidden(call_.workspace.parameters(), value, false, false, call_.stream);
    if (!call_.out.loss_per_direction.empty()) store_direction_losses(chunk, term);
    for (const Group& group : problem_.groups) {
      if (group.is_last && term.needs_score()) add_score_term(chunk, term, is_further);
      const Channels channels = problem_.channels(chunk.rows, group, call_.gradient);
      if (channels.all_rows() == 0) continue;
      go_forward(chunk, group, channels, group.first > 0, false);
      const bool goes_back = call_.gradient && group.is_last;
      head(chunk, term, is_further, group, channels, true, goes_back);
      if (goes_back) backward(chunk, group, false);
    }
    if (!call_.gradient) return;
    for (const Group& group : problem_.groups) {
      if (group.is_last) break;
      const Channels channels = problem_.channels(chunk.rows, group, true);
      go_forward(chunk, group, channels, group.first > 0, true);
      head(chunk, term, is_further, group, channels, false, true);
      backward(chunk, group, true);
    }
    if (wants_input_gradient(call_.out)) call_.store_input_gradients(chunk, is_further);
  }

 private:
  void add_score_term(const Chunk& chunk, const Term& term, bool is_further) const {
    const Channels value{chunk.rows, 0, 1};
    const Group& last = problem_.groups.back();
    call_.workspace.jet.gradient(call_.workspace.parameters(), value, call_.stream);
    kernels::HeadParams p = call_.head_of(chunk, term, is_further);
    p.output = call_.workspace.jet.input_gradient(value, 0);
    p.output_stride = p.grad_columns = problem_.net.padded.first().in;
    p.first_group = problem_.is_single();  // otherwise, earlier groups have stored their loss
    if (call_.gradient) {
      p.grad_output = call_.workspace.jet.input(problem_.channels(chunk.rows, last, true), 1 + last.count);
      p.grad_output_stride = p.grad_columns;
    }
    check_launch(kernels::launch_head(p, problem_.net.element, call_.stream), "head");
  }

  /// Runs each direction forward with the second derivatives along it alone, which the loss needs only as a sum.
  void store_direction_losses(const Chunk& chunk, const Term& term) const {
    const Jet& jet = call_.workspace.jet;
    const Channels value{chunk.rows, 0, 1}, channels = EnergyLossProblem::lone_channels(chunk.rows);
    const View& losses = call_.out.loss_per_direction;
    const int width = problem_.net.padded.last().out;
    kernels::HeadParams p = call_.head_of(chunk, term, false);
    p.grad_x = nullptr;
    if (term.needs_score()) {
      jet.gradient(call_.workspace.parameters(), value, call_.stream);
      p.output = jet.input_gradient(value, 0), p.output_stride = p.grad_columns = problem_.net.padded.first().in;
      for (int m = 0; m < problem_.directions; ++m) {
        p.loss = at(losses, m * losses.stride[0] + chunk.first);
        check_launch(kernels::launch_head(p, problem_.net.element, call_.stream), "head");
      }
    }
    kernels::EnergyHeadParams each;
    each.head = p;
    each.head.term.weight = 1, each.head.count = 1, each.head.first_group = !term.needs_score();
    each.head.jvp = jet.output(channels, 1), each.head.jvp_stride = width;
    each.second = jet.output(channels, channels.count);
    for (int m = 0; m < problem_.directions; ++m) {
      const Group alone{m, 1, true};
      go_forward(chunk, alone, channels, false, false);
      each.head.first_direction = m;
      each.head.loss = at(losses, m * losses.stride[0] + chunk.first);
      check_launch(kernels::launch_energy_head(each, problem_.net.element, call_.stream), "energy_head");
    }
  }

  /// @param has_squares earlier groups have added their squares @param again the pass is repeated
  void go_forward(const Chunk& chunk, const Group& group, const Channels& channels, bool has_squares,
                  bool again) const {
    const Jet& jet = call_.workspace.jet;
    if (group.count > 0) call_.draw_directions(chunk, {chunk.rows, 1, 1 + group.count}, group.first);
    jet.forward_hidden(call_.workspace.parameters(), channels, has_squares, again, call_.stream);
    if (problem_.terms[0].sliced_square)
      jet.apply_output(call_.workspace.parameters(), channels, 1, group.count, call_.stream);
    if (channels.second) jet.apply_output(call_.workspace.parameters(), channels, channels.count, 1, call_.stream);
  }

  void head(const Chunk& chunk, const Term& term, bool is_further, const Group& group, const Channels& channels,
            bool loss, bool goes_back) const {
    const Jet& jet = call_.workspace.jet;
    const int width = problem_.net.padded.last().out;
    kernels::EnergyHeadParams p;
    p.head = call_.head_of(chunk, term, is_further);
    p.head.jvp = jet.output(channels, 1), p.head.jvp_plane = chunk.rows * width, p.head.jvp_stride = width;
    p.head.first_direction = group.first, p.head.count = group.count;
    const bool score_before = term.needs_score() && group.is_last;
    p.head.first_group = group.first == 0 && !score_before;
    p.head.grad_columns = width, p.head.grad_jvp_plane = chunk.rows * width, p.head.grad_jvp_stride = width;
    if (!loss || group.count == 0) p.head.loss = nullptr;
    if (!loss) p.head.grad_x = nullptr;
    if (channels.second) p.second = jet.output(channels, channels.count);
    if (goes_back) {
      p.head.grad_jvp = jet.grad_output(channels, 1);
      if (problem_.backward_channels(chunk.rows, group).has_value()) p.grad_value = jet.grad_output(channels, 0);
      if (channels.tangents() > group.count) p.grad_unit = jet.grad_output(channels, 1 + group.count);
      if (channels.second) p.grad_second = jet.grad_output(channels, channels.count);
    }
    check_launch(kernels::launch_energy_head(p, problem_.net.element, call_.stream), "energy_head");
  }

  void backward(const Chunk& chunk, const Group& group, bool has_curvature) const {
    call_.workspace.jet.backward(call_.workspace.parameters(), call_.workspace.gradients,
                                 problem_.backward_channels(chunk.rows, group), has_curvature,
                                 wants_input_gradient(call_.out), call_.stream);
  }

  const EnergyLossProblem& problem_;
  const LossCall& call_;
};

}  // namespace

std::unique_ptr<LossProgram> make_layered_energy_loss(const LossSpec& spec, const Context& context) {
  return std::make_unique<LayeredLoss<EnergyLossProblem, EnergyLossRun>>(spec, context);
}

}  // namespace scorematch::cuda
