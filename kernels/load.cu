// Loads all kernels except the fused ones, through their own launchers, so each is loaded in the same way as it is
// launched.
#include <initializer_list>

#include "fused/fused_launchers.h"

namespace scorematch {
namespace kernels {
namespace {

/// The first status that is not success.
struct FirstFailure {
  int status = 0;
  void operator()(int next) {
    if (status == 0) status = next;
  }
};

}  // namespace

int load_common_kernels() {
  CUstream_st* const none = only_load();
  FirstFailure load;
  PerturbParams perturb;
  perturb.dim = 1;  // the size of the grid depends on it
  for (const Element element : {Element::f32, Element::bf16}) {
    load(launch_perturb(perturb, element, none));
    load(launch_directions({}, element, none));
    load(launch_column_sums({}, element, none));
    load(launch_head({}, element, none));
    load(launch_energy_head({}, element, none));
    load(launch_input_gradient({}, element, none));
    load(launch_context_gradient({}, element, none));
    load(launch_pack(nullptr, {}, nullptr, nullptr, element, none));
  }
  load(launch_widen(nullptr, 0, nullptr, none));
  load(launch_add_column_sums(nullptr, 0, 0, false, nullptr, none));
  load(launch_log_density({}, none));
  load(launch_score({}, none));
  load(launch_estimate(nullptr, 0, false, nullptr, nullptr, none));
  load(launch_unpack(nullptr, nullptr, {}, false, nullptr, none));
  load(launch_fused_reduce({}, none));
  load(launch_adam({}, none));
  load(launch_sampler_update({}, none));
  load(launch_metropolis({}, none));
  load(launch_add_gaussian({}, none));
  load(launch_advance(nullptr, none));
  load(launch_rows({}, none));
  return load.status;
}

int load_jet_kernels(Element element, Activation activation) {
  CUstream_st* const none = only_load();
  FirstFailure load;
  float squares;
  JetForwardParams forward;
  forward.activation = activation;
  JetBackwardParams backward;
  backward.activation = activation;
  for (const bool second : {false, true}) {
    forward.squares = second ? &squares : nullptr;
    backward.second = second;
    load(launch_jet_forward(forward, element, none));
    load(launch_jet_backward(backward, element, none));
  }
  GradientJetParams gradient;
  gradient.activation = activation;
  load(launch_gradient_jet(gradient, element, none));
  return load.status;
}

}  // namespace kernels
}  // namespace scorematch
