#include "cuda/layered/jet.h"

#include "cuda/runtime/status.h"

namespace scorematch::cuda {
namespace {

using kernels::Element;

std::size_t bytes_of(Element element) { return element == Element::bf16 ? 2 : 4; }

Gemm gemm_of(Gemm::Kind kind, const PaddedNet::Layer& layer, std::int64_t rows, bool add) {
  Gemm gemm;
  gemm.kind = kind, gemm.rows = rows, gemm.in = layer.in, gemm.out = layer.out, gemm.add = add;
  return gemm;
}

/// The product of the output layer, in float. Only the value has a bias.
Gemm output_gemm(const PaddedNet::Layer& layer, std::int64_t rows, bool bias) {
  Gemm gemm = gemm_of(Gemm::Kind::forward, layer, rows, false);
  gemm.float_output = true, gemm.bias = bias;
  return gemm;
}

/// The channels that a layer multiplies. The second derivatives are zero at the first layer, and are left out there.
Channels multiplied(Channels channels, bool is_first) {
  if (is_first) channels.second = false;
  return channels;
}

}  // namespace

Jet::Jet(const PaddedNet& net, Activation activation, Element element, const Gemms& gemms, std::int64_t rows,
         int channels, const JetParts& parts, DeviceArena& arena)
    : net_(net), activation_(activation), element_(element), gemms_(gemms), rows_(rows), is_energy_(parts.energy) {
  const auto take_channels = [&](int count, int width) -> void* {
    return arena.take<char>(static_cast<std::size_t>(count * rows * width) * bytes_of(element));
  };
  const auto take = [&](int width) { return take_channels(channels, width); };
  const auto take_floats = [&](std::int64_t width) {
    return arena.take<float>(static_cast<std::size_t>(rows) * static_cast<std::size_t>(width));
  };
  inputs_.push_back(take(net.first().in));
  for (const PaddedNet::Layer& each : net.hidden()) {
    z_.push_back(take(each.out));
    inputs_.push_back(take(each.out));
  }
  output_ = take_floats(std::int64_t{channels} * net.last().out);
  gemm_workspace_ = arena.take<char>(gemms.workspace_bytes());
  if (parts.energy) {
    unit_ = take_channels(1, net.last().out);
    if (element == Element::bf16) gradient_ = take_floats(std::int64_t{parts.gradient_channels} * net.first().in);
  }
  for (const PaddedNet::Layer& each : net.hidden()) squares_.push_back(parts.second ? take_floats(each.out) : nullptr);
  if (!parts.gradient && !parts.energy) return;
  grad_h_ = take(net.max_width());
  grad_z_ = take(net.max_width());
  if (!parts.gradient) return;
  grad_output_ = take(net.last().out);
  for (const PaddedNet::Layer& each : net.hidden()) {
    curvature_.push_back(channels > 1 ? take_floats(each.out) : nullptr);
    grad_second_.push_back(parts.second && parts.further_groups ? take_channels(1, each.out) : nullptr);
  }
  partial_ = arena.take<float>(static_cast<std::size_t>(kernels::column_sum_blocks(rows)) *
                               static_cast<std::size_t>(net.max_width()));
}

void Jet::prepare_forward(const PaddedNet& net, const Channels& channels, Gemms& gemms) {
  bool is_first = true;
  for (const PaddedNet::Layer& each : net.hidden()) {
    gemms.prepare(gemm_of(Gemm::Kind::forward, each, multiplied(channels, is_first).all_rows(), false));
    is_first = false;
  }
}

void Jet::prepare_output(const PaddedNet& net, std::int64_t rows, bool bias, Gemms& gemms) {
  gemms.prepare(output_gemm(net.last(), rows, bias));
}

void Jet::prepare_backward(const PaddedNet& net, const Channels& channels, Gemms& gemms) {
  bool is_first = true;
  for (const PaddedNet::Layer& each : net.hidden()) {
    gemms.prepare(gemm_of(Gemm::Kind::weight_gradient, each, multiplied(channels, is_first).all_rows(), true));
    gemms.prepare(gemm_of(Gemm::Kind::input_gradient, each, channels.all_rows(), each.residual));
    gemms.prepare(
        gemm_of(Gemm::Kind::input_gradient, each, channels.rows, each.residual));  // net input: only the value
    is_first = false;
  }
  gemms.prepare(gemm_of(Gemm::Kind::weight_gradient, net.last(), channels.all_rows(), true));
  gemms.prepare(gemm_of(Gemm::Kind::input_gradient, net.last(), channels.all_rows(), false));
  gemms.prepare(gemm_of(Gemm::Kind::input_gradient, net.last(), channels.rows, false));
}

void Jet::prepare_gradient(const PaddedNet& net, const Channels& channels, Gemms& gemms) {
  gemms.prepare(gemm_of(Gemm::Kind::input_gradient, net.last(), channels.rows, false));
  for (const PaddedNet::Layer& each : net.hidden())
    gemms.prepare(gemm_of(Gemm::Kind::input_gradient, each, channels.all_rows(), each.residual));
}

void* Jet::plane(void* array, const Channels& channels, int width, int channel) const {
  return static_cast<char*>(array) + static_cast<std::size_t>(channel * channels.rows * width) * bytes_of(element_);
}

const char* Jet::weights_of(const PaddedNet::Layer& layer, const Parameters& parameters) const {
  return parameters.weights + static_cast<std::size_t>(layer.weight) * bytes_of(element_);
}

void Jet::clear(void* from, std::int64_t elements, cudaStream_t stream) const {
  check(cudaMemsetAsync(from, 0, static_cast<std::size_t>(elements) * bytes_of(element_), stream),
        "clearing a channel");
}

void Jet::multiply(Gemm::Kind kind, const PaddedNet::Layer& layer, const Channels& channels, bool add, const void* a,
                   const void* b, void* c, cudaStream_t stream) const {
  gemms_.run(gemm_of(kind, layer, channels.all_rows(), add), {a, b, c, nullptr}, gemm_workspace_, stream);
}

void Jet::forward_hidden(const Parameters& parameters, const Channels& channels, bool has_squares, bool again,
                         cudaStream_t stream) const {
  if (channels.second && z_.empty()) clear(input(channels, channels.count), channels.rows * net_.first().in, stream);
  for (std::size_t l = 0; l < z_.size(); ++l) {
    const PaddedNet::Layer& layer = net_.hidden()[l];
    multiply(Gemm::Kind::forward, layer, multiplied(channels, l == 0), false,
             plane(inputs_[l], channels, layer.in, channels.first), weights_of(layer, parameters),
             plane(z_[l], channels, layer.out, channels.first), stream);
    kernels::JetForwardParams p;
    p.activation = activation_;
    p.rows = channels.rows, p.width = layer.out, p.first_channel = channels.first, p.channels = channels.count;
    p.z = z_[l], p.bias = parameters.biases + layer.bias;
    p.h = layer.residual ? inputs_[l] : nullptr, p.h_next = inputs_[l + 1];
    p.curved = channels.curved, p.squares = channels.curved > 0 && !again ? squares_[l] : nullptr;
    p.has_squares = has_squares, p.second = channels.second, p.second_starts = l == 0;
    check_launch(kernels::launch_jet_forward(p, element_, stream), "jet_forward");
  }
}

void Jet::apply_output(const Parameters& parameters, const Channels& channels, int first, int count,
                       cudaStream_t stream) const {
  const PaddedNet::Layer& layer = net_.last();
  gemms_.run(output_gemm(layer, count * channels.rows, first == 0),
             {plane(inputs_.back(), channels, layer.in, first), weights_of(layer, parameters), output(channels, first),
              first == 0 ? parameters.biases + layer.bias : nullptr},
             gemm_workspace_, stream);
}

void Jet::forward(const Parameters& parameters, const Channels& channels, cudaStream_t stream) const {
  forward_hidden(parameters, channels, false, false, stream);
  if (channels.has_value()) apply_output(parameters, channels, 0, 1, stream);
  if (channels.tangents() > 0) apply_output(parameters, channels, 1, channels.tangents(), stream);
}

void Jet::add_gradient(const PaddedNet::Layer& layer, const Gradients& gradients, const Channels& channels, bool bias,
                       void* output_gradients, void* inputs, cudaStream_t stream) const {
  multiply(Gemm::Kind::weight_gradient, layer, channels, true,
           plane(output_gradients, channels, layer.out, channels.first),
           plane(inputs, channels, layer.in, channels.first), gradients.weights + layer.weight, stream);
  if (bias)
    check_launch(kernels::launch_add_column_sums(partial_, kernels::column_sum_blocks(channels.rows), layer.out, true,
                                                 gradients.biases + layer.bias, stream),
                 "add_column_sums");
}

void Jet::activation_backward(std::size_t l, const Parameters& parameters, const Gradients& gradients,
                              const Channels& channels, bool has_curvature, cudaStream_t stream) const {
  const PaddedNet::Layer& layer = net_.hidden()[l];
  kernels::JetBackwardParams p;
  p.activation = activation_;
  p.rows = channels.rows, p.width = layer.out, p.first_channel = channels.first, p.channels = channels.count;
  p.z = z_[l], p.bias = parameters.biases + layer.bias;
  p.grad_h = grad_h_, p.grad_z = grad_z_;
  p.curvature = curvature_[l], p.has_curvature = has_curvature;
  p.bias_partial = partial_;
  p.curved = channels.curved, p.second = channels.second, p.second_starts = l == 0;
  p.squares = squares_[l], p.grad_second = channels.curved > 0 ? grad_second_[l] : nullptr;
  check_launch(kernels::launch_jet_backward(p, element_, stream), "jet_backward");
  add_gradient(layer, gradients, multiplied(channels, l == 0), channels.has_value(), grad_z_, inputs_[l], stream);
}

void Jet::input_gradient_of_layer(const PaddedNet::Layer& layer, const Parameters& parameters, const Channels& channels,
                                  void* output_gradients, cudaStream_t stream) const {
  multiply(Gemm::Kind::input_gradient, layer, channels, layer.residual,
           plane(output_gradients, channels, layer.out, channels.first), weights_of(layer, parameters),
           plane(grad_h_, channels, layer.in, channels.first), stream);
}

void Jet::backward(const Parameters& parameters, const Gradients& gradients, const Channels& channels,
                   bool has_curvature, bool input_gradient, cudaStream_t stream) const {
  const PaddedNet::Layer& output = net_.last();
  const bool bias = channels.has_value() && !is_energy_;  // an energy net's output bias has no gradient
  if (bias)
    check_launch(kernels::launch_column_sums({channels.rows, output.out, grad_output_, partial_}, element_, stream),
                 "column_sums");
  add_gradient(output, gradients, channels, bias, grad_output_, inputs_.back(), stream);
  // The gradients of the tangents are not needed at the network's input.
  const auto go_down = [&](const PaddedNet::Layer& layer, void* output_gradients, bool to_input) {
    if (to_input && !(input_gradient && channels.has_value())) return;
    input_gradient_of_layer(layer, parameters, to_input ? Channels{channels.rows, 0, 1} : channels, output_gradients,
                            stream);
  };
  go_down(output, grad_output_, z_.empty());
  for (std::size_t l = z_.size(); l-- > 0;) {
    activation_backward(l, parameters, gradients, channels, has_curvature, stream);
    go_down(net_.hidden()[l], grad_z_, l == 0);
  }
}

void Jet::fill_unit(cudaStream_t stream) const {
  kernels::EnergyHeadParams p;
  p.head.dim = 1, p.head.rows = rows_;
  p.head.grad_columns = net_.last().out, p.head.grad_jvp_stride = net_.last().out;
  p.grad_unit = unit_;
  check_launch(kernels::launch_energy_head(p, element_, stream), "energy_head");
}

void Jet::gradient(const Parameters& parameters, const Channels& channels, cudaStream_t stream) const {
  input_gradient_of_layer(net_.last(), parameters, {channels.rows, 0, 1}, unit_, stream);
  const std::int64_t top = channels.rows * net_.last().in;  // the output layer's weights do not depend on x
  if (channels.tangents() > 0) clear(plane(grad_h_, channels, net_.last().in, 1), channels.tangents() * top, stream);
  for (std::size_t l = z_.size(); l-- > 0;) {
    const PaddedNet::Layer& layer = net_.hidden()[l];
    kernels::GradientJetParams p;
    p.activation = activation_;
    p.rows = channels.rows, p.width = layer.out, p.channels = channels.count;
    p.z = z_[l], p.bias = parameters.biases + layer.bias;
    p.grad_h = grad_h_, p.grad_z = grad_z_;
    check_launch(kernels::launch_gradient_jet(p, element_, stream), "gradient_jet");
    input_gradient_of_layer(layer, parameters, channels, grad_z_, stream);
  }
  if (gradient_ != nullptr)
    check_launch(kernels::launch_widen(grad_h_, channels.count * channels.rows * net_.first().in, gradient_, stream),
                 "widen");
}

}  // namespace scorematch::cuda
