// The host's interface to the kernels: plain C++, device pointers and a stream. Every launcher returns a cudaError_t as
// an int, 0 for success. Launchers neither wait nor allocate, except with only_load() in place of the stream.
//
// Arrays are row-major. Rows are padded: a chunk of samples has `rows` rows. The first `batch` of them are samples; the
// rest are zero. T is the compute type, float or bf16, chosen by `Element`.
#pragma once
#include <cstddef>
#include <cstdint>

#include "loading.h"
#include "sources.h"

struct CUstream_st;

namespace scorematch {
namespace kernels {

enum class Element { f32, bf16 };

/// Load the kernels that any plan may launch, whatever its network, and those for layers of this activation. The first
/// also reports whether the kernels are compiled for the current device.
int load_common_kernels();
int load_jet_kernels(Element element, Activation activation);

// ---- perturbation

/// The samples of a call, the data that is given or drawn for them, and how the score depends on sigma. Sample n is row
/// n of every table.
struct BatchParams {
  int dim = 0;
  DataRows data;
  Noise noise;
  SigmaSource sigma;
  EpsSource eps;
  DirectionSource directions;
  Table true_score;
  Table weight;  // of the losses; null: 1
  ContextSource context;
  Parameterization parameterization;
};

/// x_tilde = x + point sigma eps; net_input = (c x_tilde, e(sigma), context, 0 ...). Null outputs are not written.
struct PerturbParams : BatchParams {
  Features features;
  float point = 1;
  std::int64_t batch = 0, rows = 0;
  std::int64_t first = 0;     // sample of row 0
  void* net_input = nullptr;  // [rows, net_stride] of T; zero past the context
  std::int64_t net_stride = 0;
  int net_columns = 0;         // columns written
  float* sigma_out = nullptr;  // [rows]; 1 past the batch
  float* x_tilde = nullptr;    // [batch, x_tilde_stride]
  std::int64_t x_tilde_stride = 0;
  float* eps_out = nullptr;  // [batch, eps_stride]
  std::int64_t eps_stride = 0;
};
int launch_perturb(const PerturbParams& params, Element element, CUstream_st* stream);

/// Which row of x each sample is.
struct RowsParams {
  DataRows data;
  Noise noise;
  std::int64_t batch = 0;
  std::int64_t* out = nullptr;  // [batch]
};
int launch_rows(const RowsParams& params, CUstream_st* stream);

/// Directions first_direction ... first_direction + count - 1 of each sample; feature and padding columns are zero.
struct DirectionsParams {
  DirectionSource source;
  Noise noise;
  int dim = 0, first_direction = 0, count = 0;
  std::int64_t batch = 0, rows = 0, first = 0;
  void* out = nullptr;  // [count, rows, stride] of T; null: only the row values are wanted
  std::int64_t plane = 0, stride = 0;
  int columns = 0;              // written; >= dim
  float* row_values = nullptr;  // [count, rows]: SampleDirection::row_value; null: not saved
};
int launch_directions(const DirectionsParams& params, Element element, CUstream_st* stream);

// ---- jet

/// The forward pass of one hidden layer. Channel 0 is the value, channels 1 ... are tangents:
///   h'_0 = phi(z_0 + bias) [+ h_0]      h'_m = phi'(z_0 + bias) z_m [+ h_m]
/// For an energy net, if `squares` is given, also the sum of the second derivatives along tangents 1 ... curved:
///   q = sum_m z_m^2 [+ q of earlier groups of tangents]      h'" = phi' z" + phi'' q [+ h"]
struct JetForwardParams {
  Activation activation = Activation::silu;
  std::int64_t rows = 0;
  int width = 0;                        // padded: a multiple of 8
  int first_channel = 0, channels = 1;  // first_channel 1: the value has already been written
  const void* z = nullptr;              // [channels, rows, width] of T, without bias
  const float* bias = nullptr;          // [width]
  const void* h = nullptr;              // [channels, rows, width] of T if the layer is residual, else null
  void* h_next = nullptr;               // [channels, rows, width] of T

  int curved = 0;              // q sums over the first `curved` tangents
  float* squares = nullptr;    // [rows, width]: q
  bool has_squares = false;    // whether an earlier group has written it
  bool second = false;         // z, h and h_next have the second derivatives in one more channel, number `channels`
  bool second_starts = false;  // the first layer: z" and h" are zero, and not read
};
int launch_jet_forward(const JetForwardParams& params, Element element, CUstream_st* stream);

/// The backward pass of one hidden layer, from the gradient of h' to that of z:
///   curvature = phi'' sum_m z_m grad_h_m [+ curvature of earlier groups of tangents]
///   grad_z_0 = phi' grad_h_0 + curvature      grad_z_m = phi' grad_h_m
/// and the partial sums over rows of grad_z_0 for the bias gradient. With second derivatives,
///   curvature += (phi'' z" + phi''' q) grad_h"      grad_z_m += 2 phi'' z_m grad_h"  for m <= curved
///   grad_z" = phi' grad_h"
struct JetBackwardParams {
  Activation activation = Activation::silu;
  std::int64_t rows = 0;
  int width = 0;
  int first_channel = 0, channels = 1;  // first_channel 1: only tangents; curvature is saved for a later group
  const void* z = nullptr;              // [channels, rows, width] of T
  const float* bias = nullptr;          // [width]
  const void* grad_h = nullptr;         // [channels, rows, width] of T
  void* grad_z = nullptr;               // [channels, rows, width] of T
  float* curvature = nullptr;           // [rows, width]; needed between groups
  bool has_curvature = false;           // whether an earlier group has written it
  float* bias_partial = nullptr;        // [column_sum_blocks(rows), width]; written if first_channel is 0

  int curved = 0;              // as in the forward pass
  bool second = false;         // this group, the first one backward, has the second derivatives in channel `channels`
  bool second_starts = false;  // the first layer: z" is zero and not read, and grad_z" is not written
  const float* squares = nullptr;  // [rows, width]: q of all groups; read if `second`
  void* grad_second = nullptr;  // [rows, width] of T: grad_h"; written if `second` (null: no group follows), else read
};
int launch_jet_backward(const JetBackwardParams& params, Element element, CUstream_st* stream);

/// One hidden layer in the backward pass of an energy net's F, carried along tangents. At the bottom of the network
/// channel 0 is grad F, and channel m is the product of the Hessian of F with v_m.
///   grad_z_0 = phi' grad_h_0      grad_z_m = phi' grad_h_m + phi'' z_m grad_h_0
struct GradientJetParams {
  Activation activation = Activation::silu;
  std::int64_t rows = 0;
  int width = 0;                 // padded: a multiple of 8
  int channels = 1;              // the value, and tangents
  const void* z = nullptr;       // [channels, rows, width] of T, without bias
  const float* bias = nullptr;   // [width]
  const void* grad_h = nullptr;  // [channels, rows, width] of T
  void* grad_z = nullptr;        // [channels, rows, width] of T
};
int launch_gradient_jet(const GradientJetParams& params, Element element, CUstream_st* stream);

/// Converts bf16 [count] to float [count]; count must be a multiple of 4.
int launch_widen(const void* from, std::int64_t count, float* to, CUstream_st* stream);

/// partial[block, column] = sum over the block's rows of a[row, column].
struct ColumnSumParams {
  std::int64_t rows = 0;
  int width = 0;
  const void* a = nullptr;   // [rows, width] of T
  float* partial = nullptr;  // [column_sum_blocks(rows), width]
};
int launch_column_sums(const ColumnSumParams& params, Element element, CUstream_st* stream);
/// The number of row blocks of a column sum; it depends only on the rows.
int column_sum_blocks(std::int64_t rows);

/// sum[column] = (with `add`, +=) the partial sums, added in the order of the blocks.
int launch_add_column_sums(const float* partial, int blocks, int width, bool add, float* sum, CUstream_st* stream);

// ---- heads

/// A term of the objective, from the table of src/model/objective_terms.h. At x + point sigma eps, with g = linear
/// target, it is
///   quadratic |s|^2 / 2 + s.g [+ |g|^2 / 2]  +  weight sum_m [ v_m^T J v_m [+ (v_m^T s)^2 / 2] ]
struct Term {
  // noise: eps / sigma. residual: s + eps / sigma = (a x + b F) + q eps, without the cancellation in a x_tilde + eps /
  // sigma; the target is q eps, and the score leaves out the noise of x_tilde.
  enum class Target { none, noise, residual, true_score };

  float point = 1;
  float score_point = 1;  // as `point`, in a x_tilde of s
  float quadratic = 0;    // 1 if the square is complete
  Target target = Target::none;
  float linear = 0;
  bool complete_square = false;  // |g|^2 / 2 is part of the loss
  bool has_directions = false;
  float weight = 0;            // of each direction
  bool sliced_square = false;  // (v^T s)^2 / 2 is part of each direction
};

/// The per-sample loss and the gradients from F and (dF/dz) v, for one group of directions.
struct HeadParams : BatchParams {
  std::int64_t batch = 0, rows = 0, first = 0;

  const float* output = nullptr;  // [rows, output_stride], F
  std::int64_t output_stride = 0;
  const float* jvp = nullptr;  // [count, rows, .], (dF/dz) v
  std::int64_t jvp_plane = 0, jvp_stride = 0;
  const float* trace = nullptr;  // [batch], tr dF/dz, instead of directions

  const float* sigma_rows = nullptr;        // [rows], from launch_perturb; null: from `sigma`
  const float* direction_values = nullptr;  // [count, rows], from launch_directions; null: there are none
  int first_direction = 0, count = 0;

  Weighting weighting;
  Term term;
  double grad_factor = 1;  // loss_scale / samples of the whole batch

  bool first_group = true, last_group = true;  // of the directions of a sample
  bool add_loss = false;                       // adds another term of the same samples
  float* loss = nullptr;                       // [rows], lambda l; read and written between groups
  float* loss_per_direction = nullptr;  // [M, .]: lambda l with one direction; null: not wanted; not for energy nets
  std::int64_t loss_per_direction_plane = 0;
  void* grad_output = nullptr;  // [rows, grad_output_stride] of T, gradient of F; in the last group
  std::int64_t grad_output_stride = 0;
  int grad_columns = 0;      // columns of gradients written; zero from column dim
  void* grad_jvp = nullptr;  // [count, rows, .] of T
  std::int64_t grad_jvp_plane = 0, grad_jvp_stride = 0;
  float* grad_trace = nullptr;  // [batch]
  float* grad_score =
      nullptr;  // [rows, grad_score_stride]: sum of the sliced squares over directions; may be grad_output
  std::int64_t grad_score_stride = 0;
  float* grad_x = nullptr;  // [batch, grad_x_stride]: gradient of x that bypasses the network; += if add_loss
  std::int64_t grad_x_stride = 0;
};
int launch_head(const HeadParams& params, Element element, CUstream_st* stream);

/// The part of an energy net's term along one group of directions, and the gradients of the network output in each
/// channel of the jet. launch_head computes the part that depends on s only, from grad F and without directions.
struct EnergyHeadParams {
  /// `jvp` is F_m, in column 0; it is read only for sliced squares. All gradients here have the columns and the stride
  /// of `grad_jvp`. The weight of the term multiplies F" too.
  HeadParams head;
  const float* second = nullptr;  // [rows, head.jvp_stride]: F" of all groups, in column 0; null: another group has it
  void* grad_second = nullptr;    // [rows, head.grad_jvp_stride] of T: gradient of F"; null: no such channel
  void* grad_unit = nullptr;      // gradient of the tangent u, 1 in every row; null: no such channel
  void* grad_value = nullptr;     // gradient of F itself, 0; null: no such channel
};
int launch_energy_head(const EnergyHeadParams& params, Element element, CUstream_st* stream);

/// f = a/2 |x|^2 + (b/c) F
struct LogDensityParams {
  int dim = 0;
  std::int64_t batch = 0, first = 0;
  const float* output = nullptr;  // [rows, output_stride], F in column 0
  std::int64_t output_stride = 0;
  Table x;                       // [first + batch, dim]
  const float* sigma = nullptr;  // [rows]
  Parameterization parameterization;
  float* log_density = nullptr;  // [batch]
};
int launch_log_density(const LogDensityParams& params, CUstream_st* stream);

/// s = a x + b F, J v = a v + b c (dF/dz) v, and divergence = weight sum_m v_m^T J v_m, for one group of directions.
struct ScoreParams {
  int dim = 0;
  std::int64_t batch = 0, rows = 0, first = 0;
  const float* output = nullptr;  // [rows, output_stride], F
  std::int64_t output_stride = 0;
  const float* jvp = nullptr;  // [count, rows, .], (dF/dz) v
  std::int64_t jvp_plane = 0, jvp_stride = 0;
  Table x;                       // [first + batch, dim]
  const float* sigma = nullptr;  // [rows]
  Parameterization parameterization;
  Noise noise;
  DirectionSource directions;
  const float* direction_values = nullptr;  // [count, rows], from launch_directions; null: there are none
  int first_direction = 0, count = 0;
  float weight = 1;
  float* score = nullptr;  // [batch, score_stride]; any output may be null: not wanted
  std::int64_t score_stride = 0;
  float* jvp_out = nullptr;  // [count, batch, .]
  std::int64_t jvp_out_plane = 0, jvp_out_stride = 0;
  float* divergence = nullptr;  // [batch]
  bool add_divergence = false;  // += the divergence of earlier groups
};
int launch_score(const ScoreParams& params, CUstream_st* stream);

/// grad_x += c(sigma) grad_input
struct InputGradientParams {
  int dim = 0;
  std::int64_t batch = 0;
  const float* sigma = nullptr;  // [rows]
  Parameterization parameterization;
  const void* grad_input = nullptr;  // [rows, stride] of T
  std::int64_t grad_input_stride = 0;
  float* grad_x = nullptr;
  std::int64_t grad_x_stride = 0;
};
int launch_input_gradient(const InputGradientParams& params, Element element, CUstream_st* stream);

/// The gradient of the context, from that of the network's input; zero for samples without a context.
struct ContextGradientParams {
  ContextSource context;
  DataRows data;
  Noise noise;
  std::int64_t batch = 0;
  std::int64_t first = 0;            // sample of row 0
  const void* grad_input = nullptr;  // [rows, stride] of T
  std::int64_t grad_input_stride = 0;
  int first_column = 0;           // of the context in the network's input
  bool add = false;               // to what grad_context has
  float* grad_context = nullptr;  // [batch, stride]
  std::int64_t grad_context_stride = 0;
};
int launch_context_gradient(const ContextGradientParams& params, Element element, CUstream_st* stream);

/// scorematch::Estimate, in device memory.
struct EstimateRecord {
  double count, mean, m2;
};
/// Mean and sum of squared deviations of loss[0 ... batch), in a fixed order, stored in `estimate` or (merge) merged
/// into it. The values are also copied to `copy` if it is not null.
int launch_estimate(const float* loss, std::int64_t batch, bool merge, EstimateRecord* estimate, float* copy,
                    CUstream_st* stream);

// ---- parameters

/// The place of a layer in the flat parameter vector and in the padded arrays. Offsets are in elements.
struct LayerPlace {
  int in, out;                 // of the caller's network
  int in_padded, out_padded;   // as GEMM requires
  std::int64_t weight, bias;   // in params [P]
  std::int64_t weight_padded;  // in padded weights [out_padded, in_padded]
  std::int64_t bias_padded;    // in padded biases [out_padded]
};
struct LayerTable {
  const LayerPlace* layers = nullptr;  // device memory
  int count = 0;
  std::int64_t largest = 0;  // elements of the largest padded layer, for the size of the grid
};
/// Copies params [P] to padded weights of T and padded float biases; padding is zero.
int launch_pack(const float* params, const LayerTable& table, void* weights, float* biases, Element element,
                CUstream_st* stream);
/// Copies padded float gradients to grad [P] or (add) adds them.
int launch_unpack(const float* weights, const float* biases, const LayerTable& table, bool add, float* grad,
                  CUstream_st* stream);

// ---- optimizer and samplers

struct AdamOptions {
  double beta1, beta2, epsilon, weight_decay, max_grad_norm, ema_decay;
};
/// scorematch::Adam::Progress, in device memory.
struct AdamProgress {
  double learning_rate, grad_norm;
  std::int64_t step, skipped;
};
/// scorematch::ParamRange, in device memory: the parameters before `end` that are in no earlier range, and factors of
/// the rate and of the weight decay.
struct AdamRange {
  std::int64_t end;
  double learning_rate, weight_decay;
};
struct AdamParams {
  AdamOptions options;
  double loss_scale = 1;
  std::int64_t count = 0;
  float* params = nullptr;
  const float* grad = nullptr;
  float *first_moment = nullptr, *second_moment = nullptr;
  float* ema = nullptr;
  AdamProgress* progress = nullptr;
  void* scratch = nullptr;            // adam_scratch_bytes(), aligned to 8
  const AdamRange* ranges = nullptr;  // [range_count]; the last one ends at `count`
  int range_count = 0;
};
std::size_t adam_scratch_bytes();
int launch_adam(const AdamParams& params, CUstream_st* stream);

/// sum[i] = the sum over r of parts[r, i], in double in the order of r, rounded once. parts is [ranks, count].
int launch_rank_sum(const float* parts, int ranks, std::int64_t count, float* sum, CUstream_st* stream);

/// out = x + score_factor s + second_factor s2 + noise_factor z; null arrays are zero.
struct SamplerParams {
  std::int64_t batch = 0;
  int dim = 0;
  float* out = nullptr;  // [batch, out_stride]
  std::int64_t out_stride = 0;
  const float* x = nullptr;  // [batch, x_stride]
  std::int64_t x_stride = 0;
  const float *score = nullptr, *second_score = nullptr;  // [batch, dim]
  float score_factor = 0, second_factor = 0, noise_factor = 0;
  Noise noise;
  bool initial = false;    // the initial draw of a sampler
  std::int64_t index = 0;  // step of the sampler
};
int launch_sampler_update(const SamplerParams& params, CUstream_st* stream);

/// One decision per row: where the proposal is accepted, x, score and log_density become next_*, and `accepted`
/// increases by one.
struct MetropolisParams {
  std::int64_t batch = 0;
  int dim = 0;
  float *x = nullptr, *score = nullptr;               // [batch, dim]
  float *log_density = nullptr, *accepted = nullptr;  // [batch]
  const float *next_x = nullptr, *next_score = nullptr, *next_log_density = nullptr;
  double step_size = 0;
  Noise noise;
  std::int64_t index = 0;  // step of the sampler
};
int launch_metropolis(const MetropolisParams& params, CUstream_st* stream);

/// out = value + constant - precision/2 |x|^2 per row
struct GaussianParams {
  std::int64_t batch = 0;
  int dim = 0;
  float* out = nullptr;                        // [batch]
  const float *value = nullptr, *x = nullptr;  // [batch], [batch, dim]
  float precision = 1, constant = 0;
};
int launch_add_gaussian(const GaussianParams& params, CUstream_st* stream);

/// position->step += 1
int launch_advance(NoisePosition* position, CUstream_st* stream);

}  // namespace kernels
}  // namespace scorematch
