// A network as the layered route computes with it, and what every layered program has in the workspace.
#pragma once
#include "cuda/layered/chunks.h"
#include "cuda/layered/jet.h"
#include "cuda/programs.h"
#include "cuda/translate.h"

namespace scorematch::cuda {

struct LayeredNet {
  /// @param directions that a call may have, 0 for none
  /// @param further_slots beside the value and directions
  LayeredNet(const MlpShape& net, Precision precision, std::int64_t max_batch, int directions, int further_slots,
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
  int slots;          // the value, tangents, and further ones
  std::int64_t rows;  // of a whole chunk
  Gemms gemms;
};

/// 2 or 4 bytes a padded parameter, and a chunk's arrays.
struct LayeredWorkspace {
  LayeredWorkspace(const LayeredNet& net, const JetParts& parts, DeviceArena& arena);

  Parameters parameters() const { return {weights, biases}; }
  void pack(const ConstView& params, cudaStream_t stream) const;
  /// The prologue of a chunk into the jet's input: the value in slot 0.
  /// @param p what the call gives: data, noise, sigma, eps, point, parameterization, features
  void fill_value(kernels::PerturbParams p, const Chunk& chunk, cudaStream_t stream) const;
  /// Directions behind it.
  /// @param p source and noise
  /// @param scaled to the sphere, which takes a row's sum: into direction_scale
  void fill_tangents(kernels::DirectionsParams p, bool scaled, const Chunk& chunk, const Slots& slots, int first,
                     cudaStream_t stream) const;

  const LayeredNet& net;
  char* weights;
  float *biases, *sigma;   // [rows]
  float* direction_scale;  // [tangents, rows]
  Jet jet;
};

}  // namespace scorematch::cuda
