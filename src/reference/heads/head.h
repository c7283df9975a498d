// The input and output of a head, for one sample. A new objective is a new file in this folder.
#pragma once
#include <vector>

#include "scorematch/objective.h"

namespace scorematch::reference {

template <class T>
struct HeadInput {
  std::vector<std::vector<T>> score;       // [point][dim]: s at each of points()
  std::vector<std::vector<T>> directions;  // [M][dim]: v_m
  std::vector<std::vector<T>> jvp;         // [M][dim]: J v_m
  T trace{};                               // tr J, where the objective needs it
  std::vector<T> eps;                      // [dim]
  std::vector<T> true_score;               // [dim]
  T sigma{};
};

template <class T>
struct HeadOutput {
  T loss{};
  std::vector<std::vector<T>> grad_score;  // gradients, in the shape of the input's score
  T jvp_weight{};                          // the gradient with respect to J v_m is jvp_weight v_m
  T grad_trace{};
  std::vector<T> direction_losses;  // [M]: the loss with v_m alone; empty unless the objective is sliced
};

/// Where the head needs the score: at x + p sigma eps for each p. By default only at p = 1.
template <class Objective>
std::vector<double> points(const Objective&) {
  return {1.0};
}

/// 1/2 |u|^2
template <class T>
T half_square(const std::vector<T>& u) {
  T sum{};
  for (const T& each : u) sum = sum + each * each;
  return 0.5 * sum;
}

template <class T>
T dot(const std::vector<T>& a, const std::vector<T>& b) {
  T sum{};
  for (std::size_t i = 0; i < a.size(); ++i) sum = sum + a[i] * b[i];
  return sum;
}

}  // namespace scorematch::reference
