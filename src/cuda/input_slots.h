// The prologue of a chunk, into the slots of a jet's input: the value in slot 0, directions behind it.
#pragma once
#include "cuda/chunks.h"
#include "cuda/jet.h"

namespace scorematch::cuda {

struct InputSlots {
  const PaddedNet& net;
  const Jet& jet;
  kernels::Element element;
  int dim;
  float* sigma;  // [rows]; written with the value
  cudaStream_t stream;

  /// @param params what the call gives: data, noise, sigma, eps, point, parameterization, features
  void fill_value(kernels::PerturbParams params, const Chunk& chunk) const;
  /// @param params source, noise, and where the sphere's scales go
  void fill_tangents(kernels::DirectionsParams params, const Chunk& chunk, const Slots& slots, int first) const;
};

}  // namespace scorematch::cuda
