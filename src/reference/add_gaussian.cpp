// out = value + constant - precision/2 |x|^2: adds a Gaussian's log-density to one value per sample.
#include "reference/arrays.h"
#include "reference/programs.h"

namespace scorematch::reference {

void add_gaussian(const GaussianTerm& term) {
  for (std::int64_t n = 0; n < term.x.shape.extent[0]; ++n) {
    const std::vector<double> x = row(term.x, n);
    put_element(term.out, n, element(term.value, n) + term.constant - term.precision / 2 * dot(x, x));
  }
}

}  // namespace scorematch::reference
