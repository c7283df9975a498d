// MlpShape as a torch module: the same layers, in the same order, with the same parameters in the same places. So torch
// can evaluate, differentiate and save the networks that the library trains.
#pragma once
#include <torch/csrc/autograd/autograd.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "scorematch/mlp.h"
#include "tensor_view.h"

namespace torch_bridge {

namespace sm = scorematch;

class MlpImpl : public torch::nn::Module {
 public:
  /// Torch's own initialization, in contiguous memory.
  explicit MlpImpl(sm::MlpShape shape) : shape_(std::move(shape)) {
    for (const sm::MlpShape::Layer& each : shape_.layers())
      layers_.push_back(
          register_module("layer" + std::to_string(layers_.size()), torch::nn::Linear(each.in, each.out)));
    flatten_parameters(*this);
  }

  /// F. z [N, d + features] -> [N, d], or [N, 1] for an energy net.
  torch::Tensor forward(torch::Tensor z) {
    for (std::size_t k = 0; k + 1 < layers_.size(); ++k) {
      const torch::Tensor h = activate(layers_[k](z));
      z = shape_.residual && h.sizes() == z.sizes() ? h + z : h;
    }
    return layers_.back()(z);
  }

  /// s = a x~ + b F(c x~, e(sigma)); for an energy net the gradient of f = a/2 |x~|^2 + (b/c) F, by torch. It can be
  /// differentiated again. x_tilde [N, d], sigma [N] -> [N, d]
  torch::Tensor score(const torch::Tensor& x_tilde, const torch::Tensor& sigma) {
    const auto [a, b, c] = coefficients(sigma.unsqueeze(1));
    if (shape_.kind == sm::MlpShape::Kind::score) return a * x_tilde + b * forward(net_input(c * x_tilde, sigma));
    const torch::Tensor point = x_tilde.requires_grad() ? x_tilde : x_tilde.detach().requires_grad_();
    const torch::Tensor f =
        a / 2 * point.square().sum(1, /*keepdim=*/true) + b / c * forward(net_input(c * point, sigma));
    return torch::autograd::grad({f.sum()}, {point}, {}, /*retain_graph=*/true, /*create_graph=*/true)[0];
  }

 private:
  torch::Tensor activate(const torch::Tensor& z) const {
    switch (shape_.activation) {
      case sm::Activation::silu:
        return torch::silu(z);
      case sm::Activation::softplus:
        return -torch::log_sigmoid(-z);  // torch's softplus has a threshold
      case sm::Activation::tanh:
        return torch::tanh(z);
      case sm::Activation::gelu:
        return torch::gelu(z);
    }
    return z;
  }

  /// (c x~, then e(sigma)). [N, d + features]
  torch::Tensor net_input(const torch::Tensor& scaled, const torch::Tensor& sigma) const {
    const torch::Tensor log_sigma = sigma.log().unsqueeze(1);
    if (shape_.conditioning.kind == sm::Conditioning::Kind::log_sigma) return torch::cat({scaled, log_sigma}, 1);
    if (shape_.conditioning.kind == sm::Conditioning::Kind::fourier) {
      const torch::Tensor phase =
          2 * M_PI * log_sigma * torch::tensor(shape_.conditioning.frequencies, sigma.options());
      return torch::cat({scaled, phase.sin(), phase.cos()}, 1);
    }
    return scaled;
  }

  struct Coefficients {
    torch::Tensor a, b, c;
  };
  /// docs/math.md, "The model". [N, 1] each
  Coefficients coefficients(const torch::Tensor& sigma) const {
    const torch::Tensor zero = torch::zeros_like(sigma), one = torch::ones_like(sigma);
    if (shape_.parameterization.kind == sm::Parameterization::Kind::ncsn) return {zero, 1 / sigma, one};
    if (shape_.parameterization.kind == sm::Parameterization::Kind::noise_prediction) return {zero, -1 / sigma, one};
    if (shape_.parameterization.kind == sm::Parameterization::Kind::edm) {
      const torch::Tensor total =
          sigma.square() + shape_.parameterization.sigma_data * shape_.parameterization.sigma_data;
      return {-1 / total, shape_.parameterization.sigma_data / (sigma * total.sqrt()), total.rsqrt()};
    }
    return {zero, one, one};
  }

  sm::MlpShape shape_;
  std::vector<torch::nn::Linear> layers_;
};
TORCH_MODULE(Mlp);

}  // namespace torch_bridge
