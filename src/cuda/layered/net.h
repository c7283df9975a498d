// A network in the form that the layered route uses, and the part of the workspace that every layered program has.
#pragma once
#include "cuda/layered/chunks.h"
#include "cuda/layered/jet.h"
#include "cuda/programs.h"
#include "cuda/translate.h"

namespace scorematch::cuda {

struct LayeredNet {
  /// @param directions the most that a call may have, or 0
  /// @param further_channels channels besides the value and the directions
  LayeredNet(const MlpShape& net, Precision precision, std::int64_t max_batch, int directions, int further_channels,
             const Context& context);

  int chunks(std::int64_t batch) const;
  PlanReport report(int launches) const;

  int dim;
  bool is_energy;
  PaddedNet padded;
  Features features;
  Activation activation;
  kernels::Element element;
  int tangents;       // directions that go through the network together
  int channels;       // the value, the tangents, and further channels
  std::int64_t rows;  // of a full chunk
  Gemms gemms;
};

/// 2 or 4 bytes per padded parameter, and the arrays of a chunk.
struct LayeredWorkspace {
  LayeredWorkspace(const LayeredNet& net, const JetParts& parts, DeviceArena& arena);

  Parameters parameters() const { return {weights, biases}; }
  void pack(const ConstView& params, cudaStream_t stream) const;
  /// Perturbs the samples of a chunk and writes the network's input to channel 0 of the jet's input.
  /// @param p has the call's data, noise, sigma, eps, point, parameterization and features
  void fill_value(kernels::PerturbParams p, const Chunk& chunk, cudaStream_t stream) const;
  /// Writes directions to the channels after the value.
  /// @param p has the source and the noise
  /// @param has_row_values also writes direction_values
  void fill_tangents(kernels::DirectionsParams p, bool has_row_values, const Chunk& chunk, const Channels& channels,
                     int first, cudaStream_t stream) const;

  const LayeredNet& net;
  char* weights;
  float *biases, *sigma;    // [rows]
  float* direction_values;  // [tangents, rows]
  Jet jet;
};

}  // namespace scorematch::cuda
