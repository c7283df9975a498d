// The scores of a problem, their products with directions, and the mean of v^T J v: by the templates of the reference.
#pragma once
#include "reference/sample.h"
#include "support/agreement.h"

namespace scorematch::testing_support {

template <class T>
struct WantedScores {
  std::vector<T> score, jvp, divergence;
};

/// @param directions [M][N][dim]
template <class T, class Stored>
WantedScores<T> scores_of(const Problem& p, const std::vector<std::vector<std::vector<float>>>& directions,
                          const Stored& stored) {
  const auto convert = [&](const float* from, std::size_t count) {
    std::vector<T> values;
    for (std::size_t i = 0; i < count; ++i) values.push_back(stored(static_cast<double>(from[i])));
    return values;
  };
  const auto dim = static_cast<std::size_t>(p.net.dim), samples = static_cast<std::size_t>(p.batch);
  const std::vector<T> params = convert(p.params.data(), p.params.size());
  const reference::Mlp<T> mlp(p.net, params.data());
  WantedScores<T> wanted;
  wanted.jvp.resize(directions.size() * samples * dim);
  for (std::size_t n = 0; n < samples; ++n) {
    std::vector<std::vector<T>> v;
    for (const auto& plane : directions) v.push_back(convert(plane[n].data(), dim));
    const T sigma(p.sigma.empty() ? 1.0 : static_cast<double>(p.sigma[n]));
    const auto jet = reference::score_forward(p.net, mlp, convert(p.x.data() + n * dim, dim), sigma, v);
    wanted.score.insert(wanted.score.end(), jet.score.begin(), jet.score.end());
    T divergence(0);
    for (std::size_t m = 0; m < v.size(); ++m)
      for (std::size_t i = 0; i < dim; ++i) {
        wanted.jvp[(m * samples + n) * dim + i] = jet.jvp[m][i];
        divergence = divergence + (1.0 / static_cast<double>(v.size())) * v[m][i] * jet.jvp[m][i];
      }
    wanted.divergence.push_back(divergence);
  }
  return wanted;
}

/// Compares scores with the reference. @param coarser_unit  of the sharp criterion, as in expect_agreement
inline void expect_scores(const Problem& p, const std::vector<std::vector<std::vector<float>>>& directions,
                          const WantedScores<float>& got, Precision precision, double coarser_unit = 0) {
  const auto want = scores_of<Tracked>(p, directions, Tracked::stored);
  std::vector<std::vector<Noisy>> plain[3];
  for (int i = 0; i < kPlainRuns; ++i) {
    auto each = scores_of<Noisy>(p, directions, [](double v) { return Noisy(v); });
    plain[0].push_back(each.score), plain[1].push_back(each.jvp), plain[2].push_back(each.divergence);
  }
  expect_agreement("score", got.score, want.score, plain[0], precision, nullptr, coarser_unit);
  expect_agreement("jvp", got.jvp, want.jvp, plain[1], precision, nullptr, coarser_unit);
  expect_agreement("divergence", got.divergence, want.divergence, plain[2], precision, nullptr, coarser_unit);
}

}  // namespace scorematch::testing_support
