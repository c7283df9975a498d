// The counts of flops behind the benchmarks' floors, against products counted one by one, layer by layer.
#include "work.h"

#include <gtest/gtest.h>

namespace {
using namespace scorematch;
using namespace scorematch::bench;

/// What each layer's weight is multiplied in, for one sample: flops of 2 in out each.
struct Layers {
  explicit Layers(const Job& job) : dim(job.dim), hidden(job.hidden), inner(job.layers - 1) {}
  double first(double times) const { return 2 * times * dim * hidden; }
  double middle(double times) const { return 2 * times * inner * hidden * hidden; }
  double last(double times) const { return 2 * times * dim * hidden; }
  double dim, hidden, inner;
};

double flops(const std::string& name) { return work_of(Job::parse(name)).flops; }

TEST(Work, DenoisingGoesUpAndDownOnce) {
  const Job job = Job::parse("cpu/dsm/score/d:64/H:128/L:3/N:10");
  const Layers of(job);
  // Up everywhere; a gradient of every weight; down everywhere but below the first layer.
  EXPECT_EQ(flops("cpu/dsm/score/d:64/H:128/L:3/N:10/value"), 10 * (of.first(1) + of.middle(1) + of.last(1)));
  EXPECT_EQ(flops("cpu/dsm/score/d:64/H:128/L:3/N:10"), 10 * (of.first(2) + of.middle(3) + of.last(3)));
  EXPECT_EQ(flops("cpu/esm/score/d:64/H:128/L:3/N:10"), flops("cpu/dsm/score/d:64/H:128/L:3/N:10"));
}

TEST(Work, SlicesGoUpAndDownOnceEach) {
  const Layers of(Job::parse("cpu/ssm/score/d:8/H:32/L:2/M:5/N:1"));
  const double m = 5;
  // The output is collapsed: u = W_o^T v and its outer product take the place of the last layer.
  EXPECT_EQ(flops("cpu/ssm/score/d:8/H:32/L:2/M:5/N:1/value"), of.first(1 + m) + of.middle(1 + m) + of.last(m));
  EXPECT_EQ(flops("cpu/ssm/score/d:8/H:32/L:2/M:5/N:1"), of.first(2 + 2 * m) + of.middle(3 + 3 * m) + of.last(2 * m));
  // s itself besides: up, its weight's gradient, down.
  EXPECT_EQ(flops("cpu/ssm_vr/score/d:8/H:32/L:2/M:5/N:1"), flops("cpu/ssm/score/d:8/H:32/L:2/M:5/N:1") + of.last(3));
  EXPECT_EQ(flops("cpu/ism/score/d:8/H:32/L:2/N:1"), flops("cpu/ssm_vr/score/d:8/H:32/L:2/M:8/N:1"));
}

TEST(Work, EnergyNetsGoBackForTheirScore) {
  const Layers of(Job::parse("cpu/dsm/energy/d:8/H:32/L:3/N:1"));
  // Value up, grad F down; u up; gradients of value and u; both down.
  EXPECT_EQ(flops("cpu/dsm/energy/d:8/H:32/L:3/N:1/value"), of.first(2) + of.middle(2));
  EXPECT_EQ(flops("cpu/dsm/energy/d:8/H:32/L:3/N:1"), of.first(5) + of.middle(7));
  // Up with the value, m directions and, above the first layer, second derivatives.
  EXPECT_EQ(flops("cpu/ssm/energy/d:8/H:32/L:3/M:4/N:1/value"), of.first(1 + 4) + of.middle(2 + 4));
  EXPECT_EQ(flops("cpu/ssm/energy/d:8/H:32/L:3/M:4/N:1"), of.first(2 + 2 * 4) + of.middle(3 * (2 + 4)));
}

TEST(Work, EvaluationsGoUp) {
  EXPECT_EQ(flops("cpu/scores/score/d:64/H:128/L:3/N:10"), flops("cpu/dsm/score/d:64/H:128/L:3/N:10/value"));
  EXPECT_EQ(flops("cpu/scores/energy/d:8/H:32/L:3/N:1"), flops("cpu/dsm/energy/d:8/H:32/L:3/N:1/value"));
  // Heun's method evaluates the network twice in a step, but once in the last one.
  EXPECT_EQ(flops("cpu/flow/score/d:64/H:128/L:3/N:10"), 35 * flops("cpu/scores/score/d:64/H:128/L:3/N:10"));
  EXPECT_EQ(flops("cpu/reverse/score/d:64/H:128/L:3/N:10"), 500 * flops("cpu/scores/score/d:64/H:128/L:3/N:10"));
}

TEST(Work, BytesAreXAndParametersOnce) {
  const Job job = Job::parse("cpu/dsm/score/d:64/H:128/L:3/N:10");
  const auto params = static_cast<double>(job.net().param_count());
  EXPECT_EQ(work_of(job).bytes, 4 * 64 * 10 + 8 * params);
}

TEST(Work, JobsAreTheirNames) {
  for (const std::string name :
       {"cpu/ssm/score/d:64/H:128/L:3/M:4/N:4096", "reference/ism/energy/d:2/H:16/L:2/N:1/value",
        "cuda-bf16/esm/score/d:784/H:1024/L:3/N:1024", "cpu/scores/energy/d:2/H:16/L:2/N:1",
        "cpu/flow/score/d:2/H:16/L:2/N:1"})
    EXPECT_EQ(Job::parse(name).name(), name);
  for (const std::string name :
       {"cpu", "gpu/dsm/score/d:1/H:1/L:1/N:1", "cpu/dsm/score/d:1/H:1/L:1/M:1/N:1", "cpu/ssm/score/d:1/H:1/L:1/N:1",
        "cpu/dsm/score/d:0/H:1/L:1/N:1", "cpu/dsm/score/d:1/H:1/L:1/N:1/more", "cpu/dsm/score/d:1x/H:1/L:1/N:1"})
    EXPECT_THROW(Job::parse(name), Error) << name;
}

}  // namespace
