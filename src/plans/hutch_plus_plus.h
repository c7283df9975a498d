// Hutch++ (Meyer, Musco, Musco & Woodruff 2021, arXiv 2010.09649, algorithm 1): the trace of J, for plans that evaluate
// products J v. With sketches S and directions G, each of M/3 vectors, and an orthonormal basis Q of the range of J S,
//
//   tr J ~ sum_q q^T J q + 3/M sum_g g'^T J g'      g' = g - Q Q^T g
//
// which is unbiased for any Q that does not depend on G. On host engines, whose arrays this code reads and writes.
#pragma once
#include <cstddef>
#include <memory>

#include "engine/backend.h"
#include "samplers/working_arrays.h"
#include "scorematch/likelihood.h"

namespace scorematch {

class HutchPlusPlus {
 public:
  /// @param dtype of the directions and products @throws Error unless likelihood.projections is a multiple of 3, the
  /// distribution has a third of it, and so has the dimension; and on the cuda engine
  HutchPlusPlus(const Engine& engine, int dim, const Likelihood& likelihood, DType dtype, std::int64_t max_batch);

  /// M/3, the vectors of each of the three evaluations.
  int count() const { return count_; }
  std::size_t bytes() const { return 2 * arrays_.stack_bytes(count_); }

  struct Stacks {
    View directions, products;  // [M/3, N, d]
  };
  Stacks take(char*& scratch, std::int64_t batch) const {
    return {arrays_.take_stack(scratch, count_, batch), arrays_.take_stack(scratch, count_, batch)};
  }
  /// Writes S to the directions; the caller then writes J S to the products.
  void draw_sketches(Queue& queue, const NoiseRef& noise, const Stacks& stacks) const;
  /// Replaces the products by Q. A vector that the others span becomes 0.
  void find_basis(const Stacks& stacks) const;
  /// Writes g' to the directions. Reads Q from the products.
  void draw_rest(Queue& queue, const NoiseRef& noise, const Stacks& stacks) const;

 private:
  int count_;
  WorkingArrays arrays_;
  std::unique_ptr<DirectionProgram> sketches_, rest_;
};

}  // namespace scorematch
