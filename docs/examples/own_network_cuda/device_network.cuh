// A minimal network of the caller's own on the device: one hidden tanh layer, in plain kernels. It stands for any
// network, and does not use the library. Parameters have the layout of torch.nn.Linear, layer by layer.
#pragma once
#include <cuda_runtime.h>
#include <thrust/device_vector.h>

#include <cmath>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace own {

// Arrays are row-major. Every thread computes one element of the result, in a fixed order.

/// y [batch, out] = x W^T + bias. @param weight [out, in] @param bias [out] or null
__global__ void linear(const float* weight, const float* bias, const float* x, int batch, int in, int out, float* y) {
  const int at = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x), n = at / out, i = at % out;
  if (n >= batch) return;
  float sum = bias != nullptr ? bias[i] : 0.0f;
  for (int j = 0; j < in; ++j) sum += weight[i * in + j] * x[n * in + j];
  y[at] = sum;
}

/// grad_x [batch, in] = grad_y W
__global__ void linear_input_gradient(const float* weight, const float* grad_y, int batch, int in, int out,
                                      float* grad_x) {
  const int at = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x), n = at / in, j = at % in;
  if (n >= batch) return;
  float sum = 0;
  for (int i = 0; i < out; ++i) sum += grad_y[n * out + i] * weight[i * in + j];
  grad_x[at] = sum;
}

/// grad_weight [out, in] += grad_y^T x
__global__ void linear_weight_gradient(const float* grad_y, const float* x, int batch, int in, int out,
                                       float* grad_weight) {
  const int at = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x), i = at / in, j = at % in;
  if (i >= out) return;
  float sum = 0;
  for (int n = 0; n < batch; ++n) sum += grad_y[n * out + i] * x[n * in + j];
  grad_weight[at] += sum;
}

/// grad_bias [out] += the sum of grad_y over the batch
__global__ void linear_bias_gradient(const float* grad_y, int batch, int out, float* grad_bias) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= out) return;
  float sum = 0;
  for (int n = 0; n < batch; ++n) sum += grad_y[n * out + i];
  grad_bias[i] += sum;
}

__global__ void apply_tanh(float* h, int count) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) h[i] = tanhf(h[i]);
}

/// y = x (1 - h^2): tanh' in terms of h = tanh(z). x and y may be the same.
__global__ void scale_by_derivative(const float* h, const float* x, int count, float* y) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) y[i] = x[i] * (1 - h[i] * h[i]);
}

/// For h_dot = tanh'(z) a and the gradient g of h_dot: those of z, tanh''(z) a g, and of a, tanh'(z) g, in place of g.
__global__ void tangent_gradient(const float* h, const float* a, int count, float* g, float* grad_z) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count) return;
  const float first = 1 - h[i] * h[i];
  grad_z[i] = -2 * h[i] * first * a[i] * g[i];
  g[i] *= first;
}

__global__ void descend(float rate, int count, const float* grad, float* params) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) params[i] -= rate * grad[i];
}

class DeviceNetwork {
 public:
  using Array = thrust::device_vector<float>;

  DeviceNetwork(int in, int hidden, int out, int batch, unsigned seed, cudaStream_t stream)
      : in_(in), hidden_(hidden), out_(out), batch_(batch), stream_(stream) {
    std::mt19937 random(seed);
    std::vector<float> params;
    const auto draw = [&](int count, int fan_in) {
      const float most = 1 / std::sqrt(static_cast<float>(fan_in));
      std::uniform_real_distribution<float> uniform(-most, most);
      for (int i = 0; i < count; ++i) params.push_back(uniform(random));
    };
    draw(hidden * in + hidden, in);
    draw(out * hidden + out, hidden);
    params_ = params;
    for (Array* each : {&h_, &a_, &h_dot_, &grad_h_, &grad_z_}) each->resize(static_cast<std::size_t>(batch * hidden));
    grad_.resize(params.size());
  }

  const Array& params() const { return params_; }
  const Array& grad() const { return grad_; }
  void clear_grad() { check(cudaMemsetAsync(data(grad_), 0, grad_.size() * sizeof(float), stream_)); }
  void descend(float rate) { launch(own::descend, size(params_), rate, size(params_), data(grad_), data(params_)); }

  /// F [batch, out] = W2 tanh(W1 z + b1) + b2. @param z [batch, in], which the calls below read again
  void forward(const float* z, float* output) {
    z_ = z;
    launch(linear, batch_ * hidden_, weight1(), bias1(), z, batch_, in_, hidden_, data(h_));
    launch(apply_tanh, batch_ * hidden_, data(h_), batch_ * hidden_);
    launch(linear, batch_ * out_, weight2(), bias2(), data(h_), batch_, hidden_, out_, output);
  }

  /// jvp [batch, out] = (dF/dz) v at forward()'s z. @param v [batch, in], which tangent_backward() reads again
  void tangent(const float* v, float* jvp) {
    v_ = v;
    launch(linear, batch_ * hidden_, weight1(), nullptr, v, batch_, in_, hidden_, data(a_));
    launch(scale_by_derivative, batch_ * hidden_, data(h_), data(a_), batch_ * hidden_, data(h_dot_));
    launch(linear, batch_ * out_, weight2(), nullptr, data(h_dot_), batch_, hidden_, out_, jvp);
  }

  /// Adds the gradient of the parameters to grad(). @param grad_output [batch, out], the gradient of F
  void backward(const float* grad_output) {
    second_layer_backward(grad_output, data(h_));
    launch(linear_bias_gradient, out_, grad_output, batch_, out_, data(grad_) + bias2_at());
    launch(scale_by_derivative, batch_ * hidden_, data(h_), data(grad_h_), batch_ * hidden_, data(grad_h_));
    first_layer_backward(data(grad_h_), z_);
    launch(linear_bias_gradient, hidden_, data(grad_h_), batch_, hidden_, data(grad_) + bias1_at());
  }

  /// The same for the gradient of tangent()'s result: the derivative of a derivative, so it contains tanh''.
  void tangent_backward(const float* grad_jvp) {
    second_layer_backward(grad_jvp, data(h_dot_));
    launch(tangent_gradient, batch_ * hidden_, data(h_), data(a_), batch_ * hidden_, data(grad_h_), data(grad_z_));
    first_layer_backward(data(grad_h_), v_);
    first_layer_backward(data(grad_z_), z_);
    launch(linear_bias_gradient, hidden_, data(grad_z_), batch_, hidden_, data(grad_) + bias1_at());
  }

 private:
  static float* data(Array& array) { return thrust::raw_pointer_cast(array.data()); }
  static int size(const Array& array) { return static_cast<int>(array.size()); }
  int bias1_at() const { return hidden_ * in_; }
  int weight2_at() const { return bias1_at() + hidden_; }
  int bias2_at() const { return weight2_at() + out_ * hidden_; }
  float* weight1() { return data(params_); }
  float* bias1() { return data(params_) + bias1_at(); }
  float* weight2() { return data(params_) + weight2_at(); }
  float* bias2() { return data(params_) + bias2_at(); }

  /// grad_h_ = grad_y W2; adds to the gradient of W2. @param x the layer's input
  void second_layer_backward(const float* grad_y, const float* x) {
    launch(linear_input_gradient, batch_ * hidden_, weight2(), grad_y, batch_, hidden_, out_, data(grad_h_));
    launch(linear_weight_gradient, out_ * hidden_, grad_y, x, batch_, hidden_, out_, data(grad_) + weight2_at());
  }
  void first_layer_backward(const float* grad_y, const float* x) {
    launch(linear_weight_gradient, hidden_ * in_, grad_y, x, batch_, in_, hidden_, data(grad_));
  }

  template <class... Parameters, class... Arguments>
  void launch(void (*kernel)(Parameters...), int threads, Arguments... arguments) {
    kernel<<<(threads + 127) / 128, 128, 0, stream_>>>(arguments...);
    check(cudaGetLastError());
  }
  static void check(cudaError_t status) {
    if (status != cudaSuccess) throw std::runtime_error(std::string("the network: ") + cudaGetErrorString(status));
  }

  int in_, hidden_, out_, batch_;
  cudaStream_t stream_;
  Array params_, grad_;
  Array h_, a_, h_dot_;       // tanh(z1), W1 v, tanh'(z1) W1 v
  Array grad_h_, grad_z_;     // of the last backward pass
  const float* z_ = nullptr;  // of the last forward()
  const float* v_ = nullptr;  // of the last tangent()
};

}  // namespace own
