// Loss and gradients of a batch: one sample at a time, added in order.
#include "reference/arrays.h"
#include "reference/programs.h"

namespace scorematch::reference {
namespace {

class ReferenceLoss final : public LossProgram {
 public:
  explicit ReferenceLoss(const LossSpec& spec) : spec_(spec) {}

  void run(Queue::Impl&, const LossIn& in, const LossOut& out, std::int64_t batch,
           const Reduction& reduction) const override {
    check_host_values(in.batch, batch);
    const std::vector<double> params = row(in.params, 0);
    const RowIndex row_of(in.batch);
    const double grad_factor = grad_factor_of(reduction, batch);

    std::vector<double> grad(params.size(), 0.0);
    Estimate estimate;
    for (std::int64_t n = 0; n < batch; ++n) {
      Sample<double> sample = sample_of(in.batch, spec_.loss, spec_.net.dim, n);
      sample.x = row(in.batch.x, row_of(n));
      const SampleLoss<double> result =
          sample_loss(spec_.net, spec_.loss, params.data(), sample, grad_factor, grad.data(), in.cancelled);
      add_to(estimate, result.loss);
      put_element(out.loss_per_sample, n, result.loss);
      put_column(out.loss_per_direction, n, result.direction_losses);
      put(out.grad_x, n, result.grad_x);
    }
    put(out.grad, 0, grad, 0, reduction.accumulate);
    store(out.loss, estimate, reduction.accumulate);
  }

 private:
  LossSpec spec_;
};

}  // namespace

std::unique_ptr<LossProgram> make_loss(const LossSpec& spec) { return std::make_unique<ReferenceLoss>(spec); }

}  // namespace scorematch::reference
