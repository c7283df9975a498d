/// @file
/// The seconds of a training step.
#pragma once
#include <chrono>
#include <cstdint>

#include "cli/scan/subject.h"
#include "scorematch/adam.h"
#include "scorematch/loss.h"

namespace scorematch::cli {

/// Steps of one number of directions: loss, gradient and Adam.
class StepTimer {
 public:
  StepTimer(const Subject& subject, const Loss& loss, std::int64_t batch, std::uint64_t seed)
      : plan_(subject.engine, subject.net, loss, batch),
        queue_(subject.engine, plan_.workspace_bytes()),
        params_(subject.engine.upload(subject.params)),
        grad_(subject.engine.allocate<float>(subject.net.param_count())),
        rows_(subject.engine.upload(subject.rows.values, {subject.rows.rows, subject.rows.cols})),
        noise_(subject.engine, seed),
        adam_(subject.engine, subject.net.param_count(), {}) {
    batch_.x = rows_, batch_.noise = noise_, batch_.draw_rows = batch;
    step();  // warms up
  }
  double step() {
    LossPlan::Out out;
    out.grad = grad_;
    const auto start = std::chrono::steady_clock::now();
    plan_.run(queue_, {params_, batch_}, out);
    adam_.step(queue_, params_, grad_);
    queue_.synchronize();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

 private:
  LossPlan plan_;
  Queue queue_;
  Buffer<float> params_, grad_, rows_;
  NoiseState noise_;
  Adam adam_;
  Batch batch_;
};

}  // namespace scorematch::cli
