// A torch module as an OwnNetwork, for samplers and likelihoods of the library.
#pragma once
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <utility>
#include <vector>

#include "scorematch/own_network.h"
#include "tensor_view.h"

namespace torch_bridge {

/// A float32 tensor in the memory of a view on the host, without a copy. @param view dense
inline torch::Tensor as_tensor(const scorematch::ConstView& view) {
  const std::vector<std::int64_t> sizes(view.shape.extent, view.shape.extent + view.shape.rank);
  return torch::from_blob(const_cast<void*>(view.data), sizes, torch::kFloat32);
}

/// (dF/dz) v by two backward passes: the gradient with respect to u of v^T (dF/dz)^T u. @param v [N, columns of z]
inline torch::Tensor jvp_of(const torch::Tensor& output, const torch::Tensor& z, const torch::Tensor& v) {
  const torch::Tensor u = torch::zeros_like(output).requires_grad_();
  const torch::Tensor vjp = torch::autograd::grad({output}, {z}, {u}, /*retain_graph=*/true, /*create_graph=*/true)[0];
  return torch::autograd::grad({vjp}, {u}, {v}, /*retain_graph=*/true)[0];
}

/// F is module->forward(z), z [N, d + features] -> [N, d], on an engine of the host. The module is shared, not copied.
/// @param parameterization, conditioning those of its training
template <class Module>
scorematch::OwnNetwork as_network(Module module, int dim, const scorematch::Parameterization& parameterization,
                                  const scorematch::Conditioning& conditioning) {
  const auto evaluate = [module = std::move(module), dim](scorematch::Queue&,
                                                          const scorematch::NetworkCall& call) mutable {
    const torch::Tensor z = as_tensor(call.net_input).requires_grad_(!call.jvp.empty());
    const torch::Tensor output = module->forward(z);
    as_tensor(call.output).copy_(output.detach());
    if (call.jvp.empty()) return;
    const torch::Tensor directions = as_tensor(call.directions), jvp = as_tensor(call.jvp);
    for (std::int64_t m = 0; m < directions.size(0); ++m) {  // features of sigma have no direction
      const torch::Tensor v = torch::constant_pad_nd(directions[m], {0, z.size(1) - dim});
      jvp[m].copy_(jvp_of(output, z, v));
    }
  };
  return {dim, evaluate, parameterization, conditioning};
}

}  // namespace torch_bridge
