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
    check_host_values(in.batch, batch, spec_.net.context.columns);
    const std::vector<double> params = row(in.params, 0);
    const RowIndex row_of(in.batch);
    const MlpShape& net = spec_.net;
    const ContextRows context_row(in.batch, net.context, spec_.loss.context_dropout);
    const double grad_factor = grad_factor_of(reduction, batch);

    std::vector<double> grad(params.size(), 0.0);
    Estimate estimate;
    for (std::int64_t n = 0; n < batch; ++n) {
      Sample<double> sample = sample_of(in.batch, spec_.loss, net.dim, n);
      sample.x = row(in.batch.x, row_of(n));
      const std::int64_t context = context_row(n);
      sample.context = context_of(in.batch, net.context, context);
      SampleLoss<double> result =
          sample_loss(net, spec_.loss, params.data(), sample, grad_factor, grad.data(), in.cancelled);
      add_to(estimate, result.loss);
      put_element(out.loss_per_sample, n, result.loss);
      put_column(out.loss_per_direction, n, result.direction_losses);
      put(out.grad_x, n, result.grad_x);
      if (context < 0) std::fill(result.grad_context.begin(), result.grad_context.end(), 0.0);
      put(out.grad_context, n, result.grad_context);
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
