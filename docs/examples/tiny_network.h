// A minimal network of the caller's own: one hidden tanh layer, on the host, in plain loops. It stands for any network,
// and does not use the library. Parameters have the layout of torch.nn.Linear, layer by layer.
#pragma once
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

class TinyNetwork {
 public:
  using Vector = std::vector<float>;

  TinyNetwork(std::size_t in, std::size_t hidden, std::size_t out, unsigned seed)
      : in_(in), hidden_(hidden), out_(out), params_(weight2_at() + hidden * out + out), grad_(params_.size()) {
    std::mt19937 random(seed);
    const auto fill = [&](std::size_t begin, std::size_t end, std::size_t fan_in) {
      std::uniform_real_distribution<float> uniform(-1 / std::sqrt(static_cast<float>(fan_in)),
                                                    1 / std::sqrt(static_cast<float>(fan_in)));
      for (std::size_t i = begin; i < end; ++i) params_[i] = uniform(random);
    };
    fill(0, weight2_at(), in);
    fill(weight2_at(), params_.size(), hidden);
  }

  const Vector& params() const { return params_; }

  const Vector& grad() const { return grad_; }
  void clear_grad() { grad_.assign(grad_.size(), 0.0f); }
  void descend(float rate) {
    for (std::size_t i = 0; i < params_.size(); ++i) params_[i] -= rate * grad_[i];
  }

  /// F [batch, out] = W2 tanh(W1 z + b1) + b2. @param z [batch, in]
  Vector forward(const Vector& z) {
    z_ = z;
    h_ = multiply(weight1(), bias1(), in_, hidden_, z);
    for (float& each : h_) each = std::tanh(each);
    return multiply(weight2(), bias2(), hidden_, out_, h_);
  }

  /// (dF/dz) v [batch, out] at forward()'s z. @param v [batch, in]
  Vector tangent(const Vector& v) {
    v_ = v;
    a_ = multiply(weight1(), nullptr, in_, hidden_, v);
    h_dot_ = a_;
    for (std::size_t i = 0; i < a_.size(); ++i) h_dot_[i] *= 1 - h_[i] * h_[i];
    return multiply(weight2(), nullptr, hidden_, out_, h_dot_);
  }

  /// Adds the gradient of the parameters to grad(), given the gradient of F [batch, out].
  void backward(const Vector& grad_f) {
    Vector grad_h = go_back(weight2_at(), hidden_, out_, grad_f, h_);
    add_bias(weight2_at() + hidden_ * out_, out_, grad_f);
    for (std::size_t i = 0; i < grad_h.size(); ++i) grad_h[i] *= 1 - h_[i] * h_[i];
    go_back(0, in_, hidden_, grad_h, z_);
    add_bias(in_ * hidden_, hidden_, grad_h);
  }

  /// The same for the gradient of tangent()'s result: the derivative of a derivative, so it contains tanh''.
  void tangent_backward(const Vector& grad_jvp) {
    Vector grad_a = go_back(weight2_at(), hidden_, out_, grad_jvp, h_dot_), grad_z1 = grad_a;
    for (std::size_t i = 0; i < grad_a.size(); ++i) {
      const float first = 1 - h_[i] * h_[i];
      grad_z1[i] *= -2 * h_[i] * first * a_[i];
      grad_a[i] *= first;
    }
    go_back(0, in_, hidden_, grad_a, v_);
    go_back(0, in_, hidden_, grad_z1, z_);
    add_bias(in_ * hidden_, hidden_, grad_z1);
  }

 private:
  std::size_t weight2_at() const { return in_ * hidden_ + hidden_; }
  const float* weight1() const { return params_.data(); }
  const float* bias1() const { return weight1() + in_ * hidden_; }
  const float* weight2() const { return params_.data() + weight2_at(); }
  const float* bias2() const { return weight2() + hidden_ * out_; }

  /// x W^T + bias [batch, out]. @param weight [out, in] @param bias [out] or null @param x [batch, in]
  static Vector multiply(const float* weight, const float* bias, std::size_t in, std::size_t out, const Vector& x) {
    const std::size_t batch = x.size() / in;
    Vector y(batch * out);
    for (std::size_t n = 0; n < batch; ++n)
      for (std::size_t i = 0; i < out; ++i) {
        float sum = bias != nullptr ? bias[i] : 0.0f;
        for (std::size_t j = 0; j < in; ++j) sum += weight[i * in + j] * x[n * in + j];
        y[n * out + i] = sum;
      }
    return y;
  }

  /// Adds grad_y^T x to the gradient of the weight at `at`; returns grad_y W, the gradient of x.
  Vector go_back(std::size_t at, std::size_t in, std::size_t out, const Vector& grad_y, const Vector& x) {
    Vector grad_x(x.size());
    for (std::size_t n = 0; n < x.size() / in; ++n)
      for (std::size_t i = 0; i < out; ++i)
        for (std::size_t j = 0; j < in; ++j) {
          grad_[at + i * in + j] += grad_y[n * out + i] * x[n * in + j];
          grad_x[n * in + j] += grad_y[n * out + i] * params_[at + i * in + j];
        }
    return grad_x;
  }

  void add_bias(std::size_t at, std::size_t out, const Vector& grad_y) {
    for (std::size_t i = 0; i < grad_y.size(); ++i) grad_[at + i % out] += grad_y[i];
  }

  std::size_t in_, hidden_, out_;
  Vector params_, grad_;
  Vector z_, h_;          // of the last forward()
  Vector v_, a_, h_dot_;  // of the last tangent(); a = W1 v
};
