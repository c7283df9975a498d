// The library's loss as a node of torch's graph. One call computes loss and gradients together, as LossPlan does;
// backward() returns the gradients, multiplied by the gradient that reaches the loss. Torch records no intermediate
// results: apart from the gradients and the samples' losses, memory does not grow with the batch or the number of
// directions.
#pragma once
#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <algorithm>
#include <vector>

#include "scorematch/loss.h"
#include "tensor_view.h"
#ifdef TORCH_BRIDGE_CUDA
#include <c10/cuda/CUDAStream.h>
#endif

namespace torch_bridge {

namespace sm = scorematch;

/// Torch's current stream; nullptr on the CPU.
inline CUstream_st* current_stream(torch::DeviceType device) {
#ifdef TORCH_BRIDGE_CUDA
  if (device == torch::kCUDA) return c10::cuda::getCurrentCUDAStream().stream();
#endif
  if (device == torch::kCUDA) refuse("engine", "reference or cpu, because torch was built without CUDA", "cuda");
  return nullptr;
}

/// Any objective, for score and energy nets. Belongs to one thread and, on a GPU, to the stream that was torch's
/// current one when it was made.
class ScoreMatchingLoss {
 public:
  /// sm::Batch as tensors, for N samples of dimension d; an undefined tensor is not given.
  struct In {
    torch::Tensor x;             ///< [N, d], or, with rows or draw_rows, the whole data [R, d]
    sm::NoiseRef noise{};        ///< needed for everything that is drawn because it is not given below
    torch::Tensor sigma{};       ///< [N], or a scalar for all
    torch::Tensor eps{};         ///< [N, d]
    torch::Tensor directions{};  ///< [M, N, d]
    torch::Tensor true_score{};  ///< [N, d]
    torch::Tensor rows{};        ///< [N] int64
    std::int64_t draw_rows = 0;
  };
  struct Result {
    torch::Tensor loss;             ///< scalar, float64: the mean, for backward()
    torch::Tensor loss_per_sample;  ///< [N], not differentiable
    torch::Tensor estimate;         ///< [3] float64: count, mean and M2, not differentiable

    /// Mean with standard error, on the host. Waits for the device.
    sm::Estimate read() const {
      const torch::Tensor host = estimate.cpu();
      const double* of = host.data_ptr<double>();
      return {of[0], of[1], of[2]};
    }
  };

  /// @throws Error as LossPlan does
  ScoreMatchingLoss(const sm::Engine& engine, const sm::MlpShape& net, const sm::Loss& loss, std::int64_t max_batch,
                    sm::Compute compute = {})
      : device_(engine.kind() == sm::Engine::Kind::cuda ? torch::kCUDA : torch::kCPU),
        plan_(engine, net, loss, max_batch, compute),
        queue_(engine, plan_.workspace_bytes(), current_stream(device_)) {}

  /// @param params one flat tensor, or a module's parameters in the order of MlpShape::layers(), after
  /// flatten_parameters. backward() gives a gradient to those of them, and to x, that require one. It is a first
  /// derivative: create_graph is refused. If none requires a gradient, or under NoGradGuard, no gradient is computed.
  /// @throws Error naming the argument at fault, before anything is computed
  Result operator()(const std::vector<torch::Tensor>& params, const In& in);
  Result operator()(const torch::Tensor& params, const In& in) { return (*this)(std::vector{params}, in); }

  /// For NoiseState::advance and everything else that is ordered with the loss.
  sm::Queue& queue() noexcept { return queue_; }

 private:
  struct Node;
  torch::DeviceType device_;
  sm::LossPlan plan_;
  sm::Queue queue_;
};

struct ScoreMatchingLoss::Node : torch::autograd::Function<Node> {
  using Context = torch::autograd::AutogradContext;
  using Tensors = torch::autograd::variable_list;

  static Tensors forward(Context* context, ScoreMatchingLoss* self, const In* in, bool differentiate,
                         const torch::Tensor& x, at::TensorList params) {
    const auto view = [self](const torch::Tensor& tensor, const char* name) {
      return as_view(tensor, name, self->device_);
    };
    const sm::View flat = as_flat_view(params.vec(), "params", self->device_);
    sm::LossPlan::In inputs{flat, {view(x, "x"), in->noise}};
    inputs.batch.sigma = view(in->sigma, "sigma");
    inputs.batch.eps = view(in->eps, "eps");
    inputs.batch.directions = view(in->directions, "directions");
    inputs.batch.true_score = view(in->true_score, "true_score");
    inputs.batch.rows = view(in->rows, "rows");
    inputs.batch.draw_rows = in->draw_rows;

    const std::int64_t batch = in->draw_rows > 0    ? in->draw_rows
                               : in->rows.defined() ? in->rows.numel()
                               : x.dim() > 0        ? x.size(0)
                                                    : 1;
    const bool whole_data = in->draw_rows > 0 || in->rows.defined();
    if (differentiate && x.requires_grad() && whole_data)
      refuse("x", "a tensor without gradient if its rows are selected", "requires_grad");
    const torch::Tensor estimate = torch::empty({3}, x.options().dtype(torch::kFloat64).requires_grad(false)),
                        per_sample = torch::empty({batch}, x.options().requires_grad(false));
    torch::Tensor grad, grad_x;
    sm::LossPlan::Out out;
    static_assert(sizeof(sm::Estimate) == 3 * sizeof(double));
    out.loss = reinterpret_cast<sm::Estimate*>(estimate.data_ptr<double>());
    out.loss_per_sample = view(per_sample, "loss_per_sample");
    if (differentiate && std::any_of(params.begin(), params.end(), [](const auto& p) { return p.requires_grad(); })) {
      grad = torch::empty({flat.shape.extent[0]}, params[0].options().requires_grad(false));
      out.grad = view(grad, "grad");
    }
    if (differentiate && x.requires_grad()) {
      grad_x = torch::empty(x.sizes(), x.options().requires_grad(false));
      out.grad_x = view(grad_x, "grad_x");
    }
    self->plan_.run(self->queue_, inputs, out);

    Tensors kept{grad_x};
    std::int64_t begin = 0;
    for (const torch::Tensor& each : params) {
      kept.push_back(grad.defined() && each.requires_grad() ? grad.narrow(0, begin, each.numel()).view(each.sizes())
                                                            : torch::Tensor());
      begin += each.numel();
    }
    context->save_for_backward(kept);
    context->mark_non_differentiable({per_sample, estimate});
    return {estimate.select(0, 1).clone(), per_sample, estimate};
  }

  static Tensors backward(Context* context, const Tensors& grads) {
    if (torch::GradMode::is_enabled()) refuse("loss", "backward() without create_graph", "create_graph");
    Tensors out(3);  // self, in and differentiate have no gradient
    for (const torch::Tensor& each : context->get_saved_variables())
      out.push_back(each.defined() ? each * grads[0] : torch::Tensor());
    return out;
  }
};

inline ScoreMatchingLoss::Result ScoreMatchingLoss::operator()(const std::vector<torch::Tensor>& params, const In& in) {
  if (!in.x.defined()) refuse("x", "a tensor", "nothing");
  if (queue_.stream() != current_stream(device_))
    refuse("stream", "the stream that was torch's current one when the loss was made", "another");
  const auto out = Node::apply(this, &in, torch::GradMode::is_enabled(), in.x, at::TensorList(params));
  return {out[0], out[1], out[2]};
}

}  // namespace torch_bridge
