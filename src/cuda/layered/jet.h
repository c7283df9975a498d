// The forward and backward pass of one chunk of samples (docs/math.md, section "The jet"). Channel 0 is the value. The
// tangents follow, then an energy net's sum of second derivatives. Arrays are [channels, rows, width]: one channel per
// channel, with the rows of the chunk.
#pragma once
#include <cuda_runtime_api.h>

#include <vector>

#include "cuda/layered/gemm.h"
#include "cuda/layered/padded_net.h"
#include "engine/arena.h"
#include "launchers.h"

namespace scorematch::cuda {

/// Channels first ... count - 1 of a chunk of `rows` rows. (first, count) is (0, 1) for the value, (0, 1 + m) for the
/// value and m tangents, and (1, 1 + m) for a later group of m tangents alone. With `second`, channel `count` is
/// included: the sum of second derivatives along the curved tangents of this group and of earlier groups.
struct Channels {
  std::int64_t rows = 0;
  int first = 0, count = 1;
  int curved = 0;  // the number of tangents, the first ones, whose second derivatives are summed
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

/// The computations of a jet, which determine the arrays that it saves.
struct JetParts {
  bool gradient = false;        // of the parameters
  bool energy = false;          // F is a scalar, and grad F is needed
  bool second = false;          // second derivatives
  bool further_groups = false;  // of directions, besides the one that includes the second derivatives
  int gradient_channels = 0;    // channels of gradient(): 1 + tangents
};

class Jet {
 public:
  /// Takes arrays for `rows` rows and `channels` channels; those of the backward pass only if `parts` needs them.
  Jet(const PaddedNet& net, Activation activation, kernels::Element element, const Gemms& gemms, std::int64_t rows,
      int channels, const JetParts& parts, DeviceArena& arena);

  /// Choose the products for these channels: of the forward pass, of the output layer with `rows` rows, of the backward
  /// pass, and of gradient().
  static void prepare_forward(const PaddedNet& net, const Channels& channels, Gemms& gemms);
  static void prepare_output(const PaddedNet& net, std::int64_t rows, bool bias, Gemms& gemms);
  static void prepare_backward(const PaddedNet& net, const Channels& channels, Gemms& gemms);
  static void prepare_gradient(const PaddedNet& net, const Channels& channels, Gemms& gemms);

  void* input(const Channels& channels, int channel) const {
    return plane(inputs_[0], channels, net_.first().in, channel);
  }
  float* output(const Channels& channels, int channel) const {
    return output_ + channel * channels.rows * net_.last().out;
  }
  void* grad_output(const Channels& channels, int channel) const {
    return plane(grad_output_, channels, net_.last().out, channel);
  }
  /// After backward() with the value: the gradient of the network's input, [rows, in].
  const void* grad_input() const { return grad_h_; }
  /// After gradient(): grad F in channel 0, and its derivatives along the tangents in the next channels. [rows, in]
  const float* input_gradient(const Channels& channels, int channel) const {
    return (gradient_ == nullptr ? static_cast<const float*>(grad_h_) : gradient_) +
           channel * channels.rows * net_.first().in;
  }

  /// The forward pass up to the output layer. @param has_squares earlier groups have added their squares @param again
  /// the pass is repeated, so its squares are not added
  void forward_hidden(const Parameters& parameters, const Channels& channels, bool has_squares, bool again,
                      cudaStream_t stream) const;
  /// The output layer for `count` channels from `first`. Only the value has a bias.
  void apply_output(const Parameters& parameters, const Channels& channels, int first, int count,
                    cudaStream_t stream) const;
  void forward(const Parameters& parameters, const Channels& channels, cudaStream_t stream) const;
  /// Adds to the gradients. Tangents without the value save their curvature for a later call. @param has_curvature an
  /// earlier call has saved curvature
  void backward(const Parameters& parameters, const Gradients& gradients, const Channels& channels, bool has_curvature,
                bool input_gradient, cudaStream_t stream) const;

  /// Fills the start of gradient(), once per run.
  void fill_unit(cudaStream_t stream) const;
  /// Computes grad F of an energy net, and its derivatives along the tangents, after the forward pass of all of them.
  void gradient(const Parameters& parameters, const Channels& channels, cudaStream_t stream) const;

 private:
  void* plane(void* array, const Channels& channels, int width, int channel) const;
  void multiply(Gemm::Kind kind, const PaddedNet::Layer& layer, const Channels& channels, bool add, const void* a,
                const void* b, void* c, cudaStream_t stream) const;
  const char* weights_of(const PaddedNet::Layer& layer, const Parameters& parameters) const;
  void clear(void* from, std::int64_t elements, cudaStream_t stream) const;
  void add_gradient(const PaddedNet::Layer& layer, const Gradients& gradients, const Channels& channels, bool bias,
                    void* output_gradients, void* inputs, cudaStream_t stream) const;
  void activation_backward(std::size_t l, const Parameters& parameters, const Gradients& gradients,
                           const Channels& channels, bool has_curvature, cudaStream_t stream) const;
  void input_gradient_of_layer(const PaddedNet::Layer& layer, const Parameters& parameters, const Channels& channels,
                               void* output_gradients, cudaStream_t stream) const;

  const PaddedNet& net_;
  Activation activation_;
  kernels::Element element_;
  const Gemms& gemms_;
  std::int64_t rows_;
  std::vector<void*> inputs_, z_;  // of each layer; z_ of each hidden layer, without its bias
  float* output_ = nullptr;
  void *grad_output_ = nullptr, *grad_h_ = nullptr, *grad_z_ = nullptr;
  std::vector<float*> curvature_, squares_;
  std::vector<void*> grad_second_;  // grad_h" of each hidden layer, for further groups
  void* unit_ = nullptr;            // [rows, out]: 1 in column 0
  float* gradient_ = nullptr;       // input_gradient() in float, if it is computed in bf16
  float* partial_ = nullptr;        // partial column sums
  void* gemm_workspace_ = nullptr;
  bool is_energy_;
};

}  // namespace scorematch::cuda
