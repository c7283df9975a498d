// adam.cu against the reference engine's Adam. Both compute in double and round once, but they scale the gradient in a
// different order, so results may differ by one rounding.
#include <cmath>

#include "kernels/device_array.h"
#include "kernels/random_case.h"
#include "reference/programs.h"

namespace scorematch {
namespace kernels {
namespace {

struct State {
  std::vector<float> params, first, second, ema;
  Adam::Progress progress;
};

void expect_near(const std::vector<float>& got, const std::vector<float>& wanted, const char* what) {
  for (std::size_t i = 0; i < wanted.size(); ++i)
    ASSERT_NEAR(got[i], wanted[i], 0x1p-23 * std::abs(wanted[i]) + 1e-44) << what << " " << i;
}

/// None, or a few that may overlap and end at the last parameter.
std::vector<ParamGroup> random_groups(RandomCase& random, std::int64_t count) {
  std::vector<ParamGroup> groups;
  for (int i = random.pick({0, 1, 2, 5}); i > 0; --i) {
    const auto begin = static_cast<std::int64_t>(random.real(0, static_cast<double>(count) - 0.5));
    const std::int64_t size = random.chance(0.5) ? count - begin : (count - begin + 1) / 2;
    groups.push_back({begin, size, 0.5 * random.pick({0, 1, 6}), 0.5 * random.pick({0, 2, 3})});
  }
  return groups;
}

void run(std::uint64_t seed) {
  RandomCase random(seed);
  // Above 65,536 the blocks of the partial sums loop.
  const std::int64_t count = seed == 1 ? 66000 : random.pick({1, 2, 3, 31, 255, 256, 257, 1000});
  Adam::Options options;
  options.learning_rate = random.real(1e-5, 1e-1);
  options.weight_decay = random.chance(0.5) ? random.real(0, 0.5) : 0;
  options.max_grad_norm = random.chance(0.5) ? random.real(0.1, 20) : 0;
  options.ema_decay = random.chance(0.5) ? random.real(0.5, 0.999) : 0;
  options.groups = random_groups(random, count);
  const std::vector<ParamRange> ranges = param_ranges(options.groups, count);
  std::vector<AdamRange> table;
  for (const ParamRange& each : ranges) table.push_back({each.end, each.learning_rate, each.weight_decay});
  const DeviceArray<AdamRange> ranges_device(table);
  const double loss_scale = random.chance(0.5) ? 1 : 1024;
  const std::vector<float> start = random.normals(count), zeros(static_cast<std::size_t>(count), 0.0f);
  State host{start, zeros, zeros, zeros, {options.learning_rate, 0, 0, 0}};
  const DeviceArray<float> params(start), first(zeros), second(zeros), ema(zeros);
  const DeviceArray<AdamProgress> progress(std::vector<AdamProgress>{{options.learning_rate, 0, 0, 0}});
  const DeviceArray<unsigned char> scratch(adam_scratch_bytes());
  for (int step = 0; step < 4; ++step) {
    std::vector<float> grad = random.normals(count, loss_scale);
    if (random.chance(0.2)) grad[0] = random.chance(0.5) ? NAN : 1e25f * static_cast<float>(loss_scale);
    const DeviceArray<float> grad_device(grad);
    AdamParams p;
    p.options = {options.beta1,        options.beta2,         options.epsilon,
                 options.weight_decay, options.max_grad_norm, options.ema_decay};
    p.loss_scale = loss_scale, p.count = count;
    p.params = params.data(), p.grad = grad_device.data();
    p.first_moment = first.data(), p.second_moment = second.data();
    p.ema = options.ema_decay > 0 ? ema.data() : nullptr;
    p.progress = progress.data(), p.scratch = scratch.data();
    p.ranges = ranges_device.data(), p.range_count = static_cast<int>(table.size());
    ASSERT_EQ(launch_adam(p, nullptr), 0);
    reference::adam_step({host.first.data(), host.second.data(), options.ema_decay > 0 ? host.ema.data() : nullptr,
                          nullptr, &host.progress, count, ranges.data(), static_cast<int>(ranges.size())},
                         options, host.params.data(), grad.data(), loss_scale);
    const AdamProgress got = progress.read()[0];
    EXPECT_EQ(got.step, host.progress.step);
    EXPECT_EQ(got.skipped, host.progress.skipped);
    if (std::isfinite(host.progress.grad_norm)) {
      EXPECT_NEAR(got.grad_norm, host.progress.grad_norm, 1e-13 * host.progress.grad_norm);
    }
    expect_near(first.read(), host.first, "first moment");
    expect_near(second.read(), host.second, "second moment");
    // Both sides continue from rounded moments, which may differ in the last bit, once per step.
    const auto moved = params.read();
    for (std::size_t i = 0; i < moved.size(); ++i)
      ASSERT_NEAR(moved[i], host.params[i], (step + 1) * 0x1p-22 * (std::abs(host.params[i]) + options.learning_rate));
    const auto averaged = ema.read();
    for (std::size_t i = 0; i < averaged.size() && options.ema_decay > 0; ++i)
      ASSERT_NEAR(averaged[i], host.ema[i], (step + 1) * 0x1p-22 * (std::abs(host.ema[i]) + options.learning_rate));
    // Each step starts from the same values.
    for (const auto& [device, values] : {std::pair(first.data(), &host.first), std::pair(second.data(), &host.second),
                                         std::pair(params.data(), &host.params), std::pair(ema.data(), &host.ema)})
      simt::device_copy(device, values->data(), values->size() * sizeof(float));
  }
}

TEST(AdamKernel, AgreesWithTheReference) { for_each_seed(100, run); }

}  // namespace
}  // namespace kernels
}  // namespace scorematch
