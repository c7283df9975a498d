#include "cuda/jet.h"

#include "cuda/status.h"

namespace scorematch::cuda {
namespace {

using kernels::Element;

std::size_t bytes_of(Element element) { return element == Element::bf16 ? 2 : 4; }

Gemm gemm_of(Gemm::Kind kind, const PaddedNet::Layer& layer, std::int64_t rows, bool add) {
  Gemm gemm;
  gemm.kind = kind, gemm.rows = rows, gemm.in = layer.in, gemm.out = layer.out, gemm.add = add;
  return gemm;
}

/// F, in float; its bias is the value's alone.
Gemm output_gemm(const PaddedNet::Layer& layer, std::int64_t rows, bool bias) {
  Gemm gemm = gemm_of(Gemm::Kind::apply, layer, rows, false);
  gemm.float_output = true, gemm.bias = bias;
  return gemm;
}

}  // namespace

Jet::Jet(const PaddedNet& net, kernels::Activation activation, Element element, const Gemms& gemms, std::int64_t rows,
         int slots, bool gradient, DeviceArena& arena)
    : net_(net), activation_(activation), element_(element), gemms_(gemms) {
  const auto take = [&](int width) -> void* {
    return arena.take<char>(static_cast<std::size_t>(slots * rows * width) * bytes_of(element));
  };
  inputs_.push_back(take(net.first().in));
  for (const PaddedNet::Layer& each : net.hidden()) {
    z_.push_back(take(each.out));
    inputs_.push_back(take(each.out));
  }
  output_ = arena.take<float>(static_cast<std::size_t>(slots * rows * net.last().out));
  gemm_workspace_ = arena.take<char>(Gemms::kWorkspaceBytes);
  if (!gradient) return;
  output_bar_ = take(net.last().out);
  h_bar_ = take(net.max_width());
  z_bar_ = take(net.max_width());
  for (const PaddedNet::Layer& each : net.hidden())
    curvature_.push_back(slots > 1 ? arena.take<float>(static_cast<std::size_t>(rows * each.out)) : nullptr);
  partial_ = arena.take<float>(static_cast<std::size_t>(kernels::column_sum_blocks(rows)) *
                               static_cast<std::size_t>(net.max_width()));
}

void Jet::prepare(const PaddedNet& net, const Slots& slots, bool gradient, Gemms& gemms) {
  const std::int64_t rows = slots.all_rows();
  for (const PaddedNet::Layer& each : net.hidden()) {
    gemms.prepare(gemm_of(Gemm::Kind::apply, each, rows, false));
    if (!gradient) continue;
    gemms.prepare(gemm_of(Gemm::Kind::gradient, each, rows, true));
    gemms.prepare(gemm_of(Gemm::Kind::pull, each, rows, each.residual));
    gemms.prepare(gemm_of(Gemm::Kind::pull, each, slots.rows, each.residual));  // to the input: the value alone
  }
  if (slots.has_value()) gemms.prepare(output_gemm(net.last(), slots.rows, true));
  if (slots.tangents() > 0) gemms.prepare(output_gemm(net.last(), slots.tangents() * slots.rows, false));
  if (!gradient) return;
  gemms.prepare(gemm_of(Gemm::Kind::gradient, net.last(), rows, true));
  gemms.prepare(gemm_of(Gemm::Kind::pull, net.last(), rows, false));
  gemms.prepare(gemm_of(Gemm::Kind::pull, net.last(), slots.rows, false));
}

void* Jet::plane(void* array, const Slots& slots, int width, int slot) const {
  return static_cast<char*>(array) + static_cast<std::size_t>(slot * slots.rows * width) * bytes_of(element_);
}

void Jet::multiply(Gemm::Kind kind, const PaddedNet::Layer& layer, const Slots& slots, bool add, const void* a,
                   const void* b, void* c, cudaStream_t stream) const {
  gemms_.run(gemm_of(kind, layer, slots.all_rows(), add), {a, b, c, nullptr}, gemm_workspace_, stream);
}

void Jet::forward(const Parameters& parameters, const Slots& slots, cudaStream_t stream) const {
  for (std::size_t l = 0; l < z_.size(); ++l) {
    const PaddedNet::Layer& layer = net_.hidden()[l];
    const char* weights = parameters.weights + static_cast<std::size_t>(layer.weight) * bytes_of(element_);
    multiply(Gemm::Kind::apply, layer, slots, false, plane(inputs_[l], slots, layer.in, slots.first), weights,
             plane(z_[l], slots, layer.out, slots.first), stream);
    kernels::JetForwardParams p;
    p.activation = activation_;
    p.rows = slots.rows, p.width = layer.out, p.first_slot = slots.first, p.slots = slots.count;
    p.z = z_[l], p.bias = parameters.biases + layer.bias;
    p.h = layer.residual ? inputs_[l] : nullptr, p.h_next = inputs_[l + 1];
    check_launch(kernels::launch_jet_forward(p, element_, stream), "jet_forward");
  }
  apply_output(parameters, slots, stream);
}

void Jet::apply_output(const Parameters& parameters, const Slots& slots, cudaStream_t stream) const {
  const PaddedNet::Layer& layer = net_.last();
  const char* weights = parameters.weights + static_cast<std::size_t>(layer.weight) * bytes_of(element_);
  if (slots.has_value())
    gemms_.run(output_gemm(layer, slots.rows, true),
               {inputs_.back(), weights, output(slots, 0), parameters.biases + layer.bias}, gemm_workspace_, stream);
  if (slots.tangents() > 0)
    gemms_.run(output_gemm(layer, slots.tangents() * slots.rows, false),
               {plane(inputs_.back(), slots, layer.in, 1), weights, output(slots, 1), nullptr}, gemm_workspace_,
               stream);
}

void Jet::add_gradient(const PaddedNet::Layer& layer, const Gradients& gradients, const Slots& slots, void* adjoints,
                       void* inputs, cudaStream_t stream) const {
  multiply(Gemm::Kind::gradient, layer, slots, true, plane(adjoints, slots, layer.out, slots.first),
           plane(inputs, slots, layer.in, slots.first), gradients.weights + layer.weight, stream);
  if (slots.has_value())
    check_launch(kernels::launch_add_column_sums(partial_, kernels::column_sum_blocks(slots.rows), layer.out, true,
                                                 gradients.biases + layer.bias, stream),
                 "add_column_sums");
}

void Jet::activation_backward(std::size_t l, const Parameters& parameters, const Gradients& gradients,
                              const Slots& slots, bool has_curvature, cudaStream_t stream) const {
  const PaddedNet::Layer& layer = net_.hidden()[l];
  kernels::JetBackwardParams p;
  p.activation = activation_;
  p.rows = slots.rows, p.width = layer.out, p.first_slot = slots.first, p.slots = slots.count;
  p.z = z_[l], p.bias = parameters.biases + layer.bias;
  p.h_bar = h_bar_, p.z_bar = z_bar_;
  p.curvature = curvature_[l], p.has_curvature = has_curvature;
  p.bias_partial = partial_;
  check_launch(kernels::launch_jet_backward(p, element_, stream), "jet_backward");
  add_gradient(layer, gradients, slots, z_bar_, inputs_[l], stream);
}

void Jet::backward(const Parameters& parameters, const Gradients& gradients, const Slots& slots, bool has_curvature,
                   bool input_gradient, cudaStream_t stream) const {
  const PaddedNet::Layer& output = net_.last();
  if (slots.has_value())
    check_launch(kernels::launch_column_sums({slots.rows, output.out, output_bar_, partial_}, element_, stream),
                 "column_sums");
  add_gradient(output, gradients, slots, output_bar_, inputs_.back(), stream);
  // Below the first layer nothing asks for the tangents' adjoints.
  const Slots value{slots.rows, 0, 1};
  const auto pull = [&](const PaddedNet::Layer& layer, void* adjoints, bool to_input) {
    if (to_input && !(input_gradient && slots.has_value())) return;
    const Slots& of = to_input ? value : slots;
    multiply(Gemm::Kind::pull, layer, of, layer.residual, plane(adjoints, of, layer.out, of.first),
             parameters.weights + static_cast<std::size_t>(layer.weight) * bytes_of(element_),
             plane(h_bar_, of, layer.in, of.first), stream);
  };
  pull(output, output_bar_, z_.empty());
  for (std::size_t l = z_.size(); l-- > 0;) {
    activation_backward(l, parameters, gradients, slots, has_curvature, stream);
    pull(net_.hidden()[l], z_bar_, l == 0);
  }
}

}  // namespace scorematch::cuda
