/// @file
/// The network: kind, widths, activation, how sigma enters, how its output F becomes a score, and the layout of its
/// parameters.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "scorematch/choices.h"
#include "scorematch/export.h"

namespace scorematch {

namespace conditioning {
struct None {};
struct LogSigma {};
struct Fourier {
  std::vector<double> frequencies;
  static SCOREMATCH_API Fourier random(int count, double scale = 1.0, std::uint64_t seed = 0);  ///< w_k ~ N(0, scale^2)
};
}  // namespace conditioning

/// How sigma enters the network.
struct Conditioning {
  using Kind = ConditioningKind;

  Conditioning() = default;
  Conditioning(Kind kind_, std::vector<double> frequencies_ = {}) : kind(kind_), frequencies(std::move(frequencies_)) {}
  Conditioning(conditioning::None) {}
  Conditioning(conditioning::LogSigma) : kind(Kind::log_sigma) {}
  Conditioning(conditioning::Fourier fourier) : kind(Kind::fourier), frequencies(std::move(fourier.frequencies)) {}

  Kind kind = Kind::none;
  std::vector<double> frequencies;  ///< w_k of fourier; constants, not trained
};

/// How initial parameters are drawn.
enum class Initialization {
  torch,  ///< torch.nn.Linear's default: uniform in +-1/sqrt(in), weights and biases alike
  /// The layers preserve the variance of the signals of x and of sigma, for every activation, and F = 0 at first.
  /// (He et al. 2015, section 2.2; Poole et al. 2016, section 2; Karras et al. 2022, appendix F, for the zeros)
  variance_preserving
};

/// A plain value. A plan validates it and stores a copy.
struct SCOREMATCH_API MlpShape {
  enum class Kind { score, energy };
  struct Layer {
    int in = 0, out = 0;
    std::int64_t weight = 0;  ///< offset in elements of weight [out, in], row-major
    std::int64_t bias = 0;    ///< offset in elements of bias [out]
  };

  /// F: R^dim -> R^dim, with a linear layer after the hidden ones. If `hidden` is empty, F is an affine map.
  static MlpShape score(int dim, std::vector<int> hidden, Activation activation = Activation::silu);
  /// F: R^dim -> R.
  static MlpShape energy(int dim, std::vector<int> hidden, Activation activation = Activation::silu);
  /// The default of `scorematch train`, for data of standard deviation 0.5: residual hidden layers whose width and
  /// number depend on dim, EDM's parameterization, and eight Fourier frequencies of ln sigma. Use Loss::diffusion()
  /// with it.
  static MlpShape diffusion(int dim, Kind kind = Kind::score);

  Kind kind = Kind::score;
  int dim = 0;              ///< >= 1
  std::vector<int> hidden;  ///< each >= 1
  Activation activation = Activation::silu;
  Parameterization parameterization;
  Conditioning conditioning;
  bool residual = false;  ///< hidden layers with as many outputs as inputs add their input
  Context context;        ///< further columns of the input: [c x, e(sigma), context]; `net.context = 3`

  std::vector<Layer> layers() const;  ///< in torch.nn.Linear's layout and order
  std::int64_t param_count() const;   ///< elements of the flat parameter vector, which has no gaps
  /// [param_count], drawn from Philox, so the same on every platform.
  std::vector<float> initial_params(std::uint64_t seed,
                                    Initialization initialization = Initialization::variance_preserving) const;
};

}  // namespace scorematch
