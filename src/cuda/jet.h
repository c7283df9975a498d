// One chunk of samples through the network and back: the value in slot 0, tangents behind it (docs/math.md, section
// "The jet"). Arrays are [slots, rows, width] with the chunk's own rows.
#pragma once
#include <cuda_runtime_api.h>

#include <vector>

#include "arena.h"
#include "cuda/gemm.h"
#include "cuda/padded_net.h"
#include "launchers.h"

namespace scorematch::cuda {

/// Slots first ... count - 1 of a chunk of `rows`: 0 and 1 the value, 0 and 1 + m it and m tangents together, 1 and 1 +
/// m a later group of tangents alone.
struct Slots {
  std::int64_t rows = 0;
  int first = 0, count = 1;

  std::int64_t all_rows() const { return (count - first) * rows; }
  int tangents() const { return count - 1; }
  bool has_value() const { return first == 0; }
};

struct Parameters {
  const char* weights = nullptr;  // padded, of the compute type
  const float* biases = nullptr;
};
struct Gradients {
  float *weights = nullptr, *biases = nullptr;  // padded; added to
};

class Jet {
 public:
  /// Takes its arrays for `rows` and `slots`, those of the way back only for a gradient.
  Jet(const PaddedNet& net, kernels::Activation activation, kernels::Element element, const Gemms& gemms,
      std::int64_t rows, int slots, bool gradient, DeviceArena& arena);

  /// Chooses the products these slots need.
  static void prepare(const PaddedNet& net, const Slots& slots, bool gradient, Gemms& gemms);

  void* input(const Slots& slots, int slot) const { return plane(inputs_[0], slots, net_.first().in, slot); }
  float* output(const Slots& slots, int slot) const { return output_ + slot * slots.rows * net_.last().out; }
  void* output_bar(const Slots& slots, int slot) const { return plane(output_bar_, slots, net_.last().out, slot); }
  /// After backward() of a value: its adjoint at the input, [rows, in].
  const void* input_bar() const { return h_bar_; }

  void forward(const Parameters& parameters, const Slots& slots, cudaStream_t stream) const;
  /// Adds to the gradients. Tangents without the value leave their curvature for a later call, which says so.
  void backward(const Parameters& parameters, const Gradients& gradients, const Slots& slots, bool has_curvature,
                bool input_gradient, cudaStream_t stream) const;

 private:
  void* plane(void* array, const Slots& slots, int width, int slot) const;
  void multiply(Gemm::Kind kind, const PaddedNet::Layer& layer, const Slots& slots, bool add, const void* a,
                const void* b, void* c, cudaStream_t stream) const;
  void add_gradient(const PaddedNet::Layer& layer, const Gradients& gradients, const Slots& slots, void* adjoints,
                    void* inputs, cudaStream_t stream) const;
  void apply_output(const Parameters& parameters, const Slots& slots, cudaStream_t stream) const;
  void activation_backward(std::size_t l, const Parameters& parameters, const Gradients& gradients, const Slots& slots,
                           bool has_curvature, cudaStream_t stream) const;

  const PaddedNet& net_;
  kernels::Activation activation_;
  kernels::Element element_;
  const Gemms& gemms_;
  std::vector<void*> inputs_, z_;  // of each layer; of each hidden one, without its bias
  float* output_ = nullptr;
  void *output_bar_ = nullptr, *h_bar_ = nullptr, *z_bar_ = nullptr;
  std::vector<float*> curvature_;
  float* partial_ = nullptr;  // of column sums
  void* gemm_workspace_ = nullptr;
};

}  // namespace scorematch::cuda
