#include "scorematch/noise.h"

#include "checks/descriptions.h"
#include "engine/backend.h"

namespace scorematch {

NoiseState::NoiseState(const Engine& engine, Position position) : engine_(engine), state_(engine.allocate<Position>()) {
  check(position);
  Queue queue(engine, 0);
  set(queue, position);
  queue.synchronize();
}

void NoiseState::advance(Queue& queue) {
  queue.impl().check(engine_.impl(), 0);
  engine_.impl()->advance(queue.impl(), state_.data());
}

void NoiseState::set(Queue& queue, Position position) {
  check(position);
  queue.impl().check(engine_.impl(), 0);
  engine_.impl()->copy_in(queue.impl(), state_.data(), &position, sizeof position);
}

NoiseState::Position NoiseState::read(Queue& queue) const {
  queue.impl().check(engine_.impl(), 0);
  return queue.read_one(state_);
}

}  // namespace scorematch
