#include "scorematch/noise.h"

#include "backend.h"
#include "scorematch/philox.h"

namespace scorematch {
namespace {

void check(const NoiseState::Position& position) {
  if (position.step < 0 || position.step >= philox::kMaxSteps)
    throw_invalid("step", "in [0, 2^40)", std::to_string(position.step));
  if (position.first_sample < 0 || position.first_sample >= philox::kMaxSamples)
    throw_invalid("first_sample", "in [0, 2^48)", std::to_string(position.first_sample));
}

}  // namespace

NoiseState::NoiseState(const Engine& engine, Position position) : state_(engine.allocate<Position>()) {
  check(position);
  Queue queue(engine, 0);
  set(queue, position);
  queue.synchronize();
}

void NoiseState::advance(Queue& queue) { queue.impl().engine->advance(queue.impl(), state_.data()); }

void NoiseState::set(Queue& queue, Position position) {
  check(position);
  queue.impl().engine->copy_in(queue.impl(), state_.data(), &position, sizeof position);
}

NoiseState::Position NoiseState::read(Queue& queue) const { return queue.read_one(state_); }

}  // namespace scorematch
