// A stand-in for cuRAND's host interface: generators that fill device memory of the emulator, in stream order, with the
// checks of cuRAND's manual.
#include <curand.h>

#include <cstdint>
#include <cstring>
#include <random>

#include "ptx/runtime/exported.h"

struct curandGenerator_st {
  std::mt19937 random;
  cudaStream_t stream = nullptr;
};

namespace {

template <class Value, class Draw>
curandStatus_t fill(curandGenerator_t generator, Value* out, std::size_t count, const Draw& draw) {
  if (generator == nullptr) return CURAND_STATUS_NOT_INITIALIZED;
  if (emulator_memory(out, count * sizeof *out) == nullptr) return CURAND_STATUS_LAUNCH_FAILURE;
  struct Work {
    std::mt19937 random;
    Value* out;
    std::size_t count;
    Draw draw;
    void run() {
      for (std::size_t i = 0; i < count; ++i) out[i] = draw(random);
      std::memset(emulator_memory(out, count * sizeof *out), 1, count * sizeof *out);
    }
  };
  const auto seed = generator->random();  // another for every call
  const int error = emulator_enqueue(
      generator->stream, [](void* work) { static_cast<Work*>(work)->run(); },
      new Work{std::mt19937(seed), out, count, draw}, [](void* work) { delete static_cast<Work*>(work); });
  return error == cudaSuccess ? CURAND_STATUS_SUCCESS : CURAND_STATUS_LAUNCH_FAILURE;
}

}  // namespace

extern "C" {

curandStatus_t curandCreateGenerator(curandGenerator_t* generator, curandRngType_t type) {
  if (type < CURAND_RNG_PSEUDO_DEFAULT || type >= CURAND_RNG_QUASI_DEFAULT) return CURAND_STATUS_TYPE_ERROR;
  *generator = new curandGenerator_st;
  return CURAND_STATUS_SUCCESS;
}

curandStatus_t curandDestroyGenerator(curandGenerator_t generator) {
  delete generator;
  return CURAND_STATUS_SUCCESS;
}

curandStatus_t curandSetPseudoRandomGeneratorSeed(curandGenerator_t generator, unsigned long long seed) {
  generator->random.seed(static_cast<std::uint32_t>(seed));
  return CURAND_STATUS_SUCCESS;
}

curandStatus_t curandSetStream(curandGenerator_t generator, cudaStream_t stream) {
  if (generator == nullptr) return CURAND_STATUS_NOT_INITIALIZED;
  generator->stream = stream;
  return CURAND_STATUS_SUCCESS;
}

curandStatus_t curandGenerate(curandGenerator_t generator, unsigned* out, std::size_t count) {
  return fill(generator, out, count, [](std::mt19937& random) { return static_cast<unsigned>(random()); });
}

curandStatus_t curandGenerateNormal(curandGenerator_t generator, float* out, std::size_t count, float mean,
                                    float deviation) {
  if (count % 2 != 0) return CURAND_STATUS_LENGTH_NOT_MULTIPLE;
  return fill(generator, out, count,
              [=](std::mt19937& random) { return std::normal_distribution<float>(mean, deviation)(random); });
}
}
