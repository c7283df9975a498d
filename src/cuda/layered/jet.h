// One chunk of samples through the network and back: the value in slot 0, tangents behind it, behind those an energy
// net's sum of second derivatives (docs/math.md, section "The jet"). Arrays are [slots, rows, width] with the chunk's
// own rows.
#pragma once
#include <cuda_runtime_api.h>

#include <vector>

#include "cuda/layered/gemm.h"
#include "cuda/layered/padded_net.h"
#include "engine/arena.h"
#include "launchers.h"

namespace scorematch::cuda {

/// Slots first ... count - 1 of a chunk of `rows`: 0 and 1 the value, 0 and 1 + m it and m tangents together, 1 and 1 +
/// m a later group of tangents alone. With `second`, slot `count` too: second derivatives along this group's and
/// earlier ones' first tangents.
struct Slots {
  std::int64_t rows = 0;
  int first = 0, count = 1;
  int curved = 0;  // tangents whose second derivatives are summed up, the first ones
  bool second = false;

  int end() const { return count + (second ? 1 : 0); }
  std::int64_t all_rows() const { return (end() - first) * rows; }
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

/// What a jet is for, which decides what it saves.
struct JetParts {
  bool gradient = false;        // the parameters'
  bool energy = false;          // F is one number, and grad F wanted
  bool second = false;          // second derivatives
  bool further_groups = false;  // of directions, beyond the one that second derivatives go along with
  int gradient_slots = 0;       // of gradient(): 1 + tangents
};

class Jet {
 public:
  /// Takes its arrays for `rows` and `slots`, those of the backward pass only for a gradient.
  Jet(const PaddedNet& net, Activation activation, kernels::Element element, const Gemms& gemms, std::int64_t rows,
      int slots, const JetParts& parts, DeviceArena& arena);

  /// Chooses the products these slots need: forward, the output's of as many rows, back, and gradient()'s.
  static void prepare_forward(const PaddedNet& net, const Slots& slots, Gemms& gemms);
  static void prepare_output(const PaddedNet& net, std::int64_t rows, bool bias, Gemms& gemms);
  static void prepare_backward(const PaddedNet& net, const Slots& slots, Gemms& gemms);
  static void prepare_gradient(const PaddedNet& net, const Slots& slots, Gemms& gemms);

  void* input(const Slots& slots, int slot) const { return plane(inputs_[0], slots, net_.first().in, slot); }
  float* output(const Slots& slots, int slot) const { return output_ + slot * slots.rows * net_.last().out; }
  void* grad_output(const Slots& slots, int slot) const { return plane(output_bar_, slots, net_.last().out, slot); }
  /// After backward() of a value: its adjoint at the input, [rows, in].
  const void* grad_input() const { return h_bar_; }
  /// After gradient(): grad F in slot 0, its derivatives along the tangents behind it. [rows, in]
  const float* input_gradient(const Slots& slots, int slot) const {
    return (gradient_ == nullptr ? static_cast<const float*>(h_bar_) : gradient_) + slot * slots.rows * net_.first().in;
  }

  /// Everything but the output. `again`: second derivatives have been seen to. `has_squares`: earlier groups have gone
  /// forward.
  void forward_hidden(const Parameters& parameters, const Slots& slots, bool has_squares, bool again,
                      cudaStream_t stream) const;
  /// Of `count` slots from `first` on; the bias is the value's alone.
  void apply_output(const Parameters& parameters, const Slots& slots, int first, int count, cudaStream_t stream) const;
  void forward(const Parameters& parameters, const Slots& slots, cudaStream_t stream) const;
  /// Adds to the gradients. Tangents without the value leave their curvature for a later call, which says so.
  void backward(const Parameters& parameters, const Gradients& gradients, const Slots& slots, bool has_curvature,
                bool input_gradient, cudaStream_t stream) const;

  /// What gradient() starts from. Once a run.
  void fill_unit(cudaStream_t stream) const;
  /// An energy net's grad F, and its derivatives along the tangents, all of which have gone forward.
  void gradient(const Parameters& parameters, const Slots& slots, cudaStream_t stream) const;

 private:
  void* plane(void* array, const Slots& slots, int width, int slot) const;
  void multiply(Gemm::Kind kind, const PaddedNet::Layer& layer, const Slots& slots, bool add, const void* a,
                const void* b, void* c, cudaStream_t stream) const;
  const char* weights_of(const PaddedNet::Layer& layer, const Parameters& parameters) const;
  void clear(void* from, std::int64_t elements, cudaStream_t stream) const;
  void add_gradient(const PaddedNet::Layer& layer, const Gradients& gradients, const Slots& slots, bool bias,
                    void* adjoints, void* inputs, cudaStream_t stream) const;
  void activation_backward(std::size_t l, const Parameters& parameters, const Gradients& gradients, const Slots& slots,
                           bool has_curvature, cudaStream_t stream) const;
  void pull(const PaddedNet::Layer& layer, const Parameters& parameters, const Slots& slots, void* adjoints,
            cudaStream_t stream) const;

  const PaddedNet& net_;
  Activation activation_;
  kernels::Element element_;
  const Gemms& gemms_;
  std::int64_t rows_;
  std::vector<void*> inputs_, z_;  // of each layer; of each hidden one, without its bias
  float* output_ = nullptr;
  void *output_bar_ = nullptr, *h_bar_ = nullptr, *z_bar_ = nullptr;
  std::vector<float*> curvature_, squares_;
  std::vector<void*> grad_second_;  // grad_h" of each hidden layer, for further groups
  void* unit_ = nullptr;            // [rows, out]: 1 in column 0
  float* gradient_ = nullptr;       // as input_gradient(), where it is computed in bf16
  float* partial_ = nullptr;        // of column sums
  void* gemm_workspace_ = nullptr;
  bool is_energy_;
};

}  // namespace scorematch::cuda
