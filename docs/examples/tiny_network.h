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
  void backward(const Vector& f_bar) {
    Vector h_bar = go_back(weight2_at(), hidden_, out_, f_bar, h_);
    add_bias(weight2_at() + hidden_ * out_, out_, f_bar);
    for (std::size_t i = 0; i < h_bar.size(); ++i) h_bar[i] *= 1 - h_[i] * h_[i];
    go_back(0, in_, hidden_, h_bar, z_);
    add_bias(in_ * hidden_, hidden_, h_bar);
  }

  /// The same for the gradient of tangent()'s result: the derivative of a derivative, so it contains tanh''.
  void tangent_backward(const Vector& jvp_bar) {
    Vector a_bar = go_back(weight2_at(), hidden_, out_, jvp_bar, h_dot_), z1_bar = a_bar;
    for (std::size_t i = 0; i < a_bar.size(); ++i) {
      const float first = 1 - h_[i] * h_[i];
      z1_bar[i] *= -2 * h_[i] * first * a_[i];
      a_bar[i] *= first;
    }
    go_back(0, in_, hidden_, a_bar, v_);
    go_back(0, in_, hidden_, z1_bar, z_);
    add_bias(in_ * hidden_, hidden_, z1_bar);
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

  /// Adds y_bar^T x to the gradient of the weight at `at`; returns y_bar W, the gradient of x.
  Vector go_back(std::size_t at, std::size_t in, std::size_t out, const Vector& y_bar, const Vector& x) {
    Vector x_bar(x.size());
    for (std::size_t n = 0; n < x.size() / in; ++n)
      for (std::size_t i = 0; i < out; ++i)
        for (std::size_t j = 0; j < in; ++j) {
          grad_[at + i * in + j] += y_bar[n * out + i] * x[n * in + j];
          x_bar[n * in + j] += y_bar[n * out + i] * params_[at + i * in + j];
        }
    return x_bar;
  }

  void add_bias(std::size_t at, std::size_t out, const Vector& y_bar) {
    for (std::size_t i = 0; i < y_bar.size(); ++i) grad_[at + i % out] += y_bar[i];
  }

  std::size_t in_, hidden_, out_;
  Vector params_, grad_;
  Vector z_, h_;          // of the last forward()
  Vector v_, a_, h_dot_;  // of the last tangent(); a = W1 v
};
