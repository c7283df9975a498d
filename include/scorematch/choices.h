/// @file
/// The choices that the API, every engine and the kernels share.
///
/// A choice without parameters is an enum. A choice with parameters is a struct that holds a kind and the parameters of
/// every kind. Each kind has its own struct, which names only its parameters and converts to the choice:
/// `Weighting weighting = weighting::Edm{0.5}`. An objective and a sampler are variants (objective.h, sampler.h).
/// Device code includes this header too.
#pragma once

namespace scorematch {

enum class Activation { silu, softplus, tanh, gelu };  ///< softplus without a threshold; gelu with erf

/// Distributions of the M directions v_m of a sample. All have E[v v^T] = I. The directions of the first three are
/// independent. Those of the others are without replacement, so their mean over M has a smaller variance: by the factor
/// (D - M)/(D - 1), which is 0 at M = D, with D = dim unless stated (docs/math.md, "Directions without replacement").
/// More than D are refused.
enum class Projection {
  gaussian,    ///< N(0, I)
  rademacher,  ///< signs
  sphere,      ///< uniform on the sphere of radius sqrt(dim)
  /// Rows of a Hadamard matrix whose columns have random signs; D is dim, rounded up to a power of two. One alone is
  /// that of rademacher.
  hadamard,
  coordinates,  ///< sqrt(dim) e_i
  /// sqrt(dim) times an orthonormal frame, uniform over all (Haar). One alone has the distribution of sphere. Costs
  /// M^2/2 dim normals per sample; not on the cuda engine.
  orthogonal
};

/// How a trace is estimated from products with M directions.
enum class TraceEstimator {
  hutchinson,  ///< mean over m of v_m^T J v_m (Hutchinson 1990)
  /// Hutch++ (Meyer, Musco, Musco & Woodruff 2021, arXiv 2010.09649, algorithm 1): M/3 products find a subspace Q with
  /// much of J's range, M/3 give the trace in it, and M/3 the rest's by Hutchinson's estimate. M is a multiple of 3.
  hutch_plus_plus
};

/// A plan's arithmetic. Accumulation and the caller's arrays stay f32. The cpu engine has no tf32, and bf16 only on
/// processors with AVX512_BF16; otherwise plans @throws Error unsupported. The reference engine ignores it.
enum class Precision { fp32, tf32, bf16 };
/// A plan's kernels. `fused` runs a whole batch in one launch; `narrow` does that with a kernel compiled for the shape.
/// Plans @throws Error unsupported if the shape does not allow the route. Routes round differently.
enum class Route { automatic, fused, layered, narrow };

namespace parameterization {
struct Plain {};
struct Ncsn {};
struct NoisePrediction {};
struct Edm {
  double sigma_data = 0.5;
};
struct Epsilon {};
struct VPrediction {};
struct DataPrediction {};
struct Velocity {};
}  // namespace parameterization

/// s = a x_tilde + b F(c x_tilde, e(sigma)); for an energy net f = a/2 |x_tilde|^2 + (b/c) F and s = grad f. The last
/// four are those of processes x_t = alpha x + beta eps, with x_tilde = x_t / alpha and sigma = beta / alpha. Their
/// input c x_tilde is x_t (docs/math.md, "Processes").
struct Parameterization {
  enum class Kind {
    plain,             ///< (a, b, c) = (0, 1, 1)
    ncsn,              ///< (0, 1/sigma, 1) (Song & Ermon 2020, technique 3)
    noise_prediction,  ///< (0, -1/sigma, 1) (Ho et al. 2020, section 3.2)
    /// a = -1/(sigma^2 + sigma_data^2), b = sigma_data/(sigma sqrt(..)), c = 1/sqrt(..) (Karras et al. 2022, table 1)
    edm,
    /// F = eps: (0, -1/sigma, 1/sqrt(1 + sigma^2)) (Ho et al. 2020, eq. 12)
    epsilon,
    /// F = alpha eps - beta x: (-1/(1 + sigma^2), -1/(sigma sqrt(..)), 1/sqrt(..)) (Salimans & Ho 2022, section 4)
    v_prediction,
    /// F = x: (-1/sigma^2, 1/sigma^2, 1/sqrt(1 + sigma^2)) (Salimans & Ho 2022, section 4)
    data_prediction,
    /// F = eps - x: (-1/(sigma (1 + sigma)), -1/(sigma (1 + sigma)), 1/(1 + sigma)) (Liu et al. 2023, eq. 1; Lipman et
    /// al. 2023, eq. 23, whose t runs the other way)
    velocity
  };
  constexpr Parameterization() = default;
  constexpr Parameterization(Kind kind_, double sigma_data_ = 0.5) : kind(kind_), sigma_data(sigma_data_) {}
  constexpr Parameterization(parameterization::Plain) {}
  constexpr Parameterization(parameterization::Ncsn) : kind(Kind::ncsn) {}
  constexpr Parameterization(parameterization::NoisePrediction) : kind(Kind::noise_prediction) {}
  constexpr Parameterization(parameterization::Edm edm) : kind(Kind::edm), sigma_data(edm.sigma_data) {}
  constexpr Parameterization(parameterization::Epsilon) : kind(Kind::epsilon) {}
  constexpr Parameterization(parameterization::VPrediction) : kind(Kind::v_prediction) {}
  constexpr Parameterization(parameterization::DataPrediction) : kind(Kind::data_prediction) {}
  constexpr Parameterization(parameterization::Velocity) : kind(Kind::velocity) {}

  Kind kind = Kind::plain;
  double sigma_data = 0.5;  ///< edm
};

/// How sigma enters the network: as columns e(sigma) appended to its input, whose derivative with respect to x is 0.
/// `Conditioning` in mlp.h also holds the frequencies.
enum class ConditioningKind {
  none,
  log_sigma,  ///< one column, ln sigma
  fourier     ///< sin(2 pi w_k ln sigma) for all k, then cos (Tancik et al. 2020)
};

/// What a network is told of a sample besides sigma: columns of its input after e(sigma), whose derivative with respect
/// to x is 0.
struct Context {
  constexpr Context() = default;
  constexpr Context(int columns_, bool optional_ = false) : columns(columns_), optional(optional_) {}

  int columns = 0;  ///< c; 0: none
  /// A sample may come without a context. One more column is 1 for a sample with a context; without, all of them are 0,
  /// so that a context of zeros differs from none.
  bool optional = false;
};

namespace schedule {
struct None {};
struct Single {
  double sigma = 1.0;  ///< > 0
};
struct Geometric {
  double sigma_min = 0.01;
  double sigma_max = 50.0;
  int levels = 0;
};
struct LogNormal {
  double log_mean = -1.2;
  double log_deviation = 1.2;
};
struct Vp {
  double beta_min = 0.1, beta_max = 20;  ///< 0 < beta_min <= beta_max
  double t_min = 1e-5, t_max = 1;        ///< 0 < t_min < t_max <= 1
};
struct SubVp {
  double beta_min = 0.1, beta_max = 20;
  double t_min = 1e-5, t_max = 1;
};
struct Cosine {
  double t_min = 1e-3, t_max = 0.999;  ///< 0 < t_min < t_max < 1; sigma is 6.4e-3 and 642
};
struct RectifiedFlow {
  double t_min = 1e-3, t_max = 0.999;  ///< 0 < t_min < t_max < 1; alpha is 0 at t = 1
};
struct Ddpm {
  int steps = 1000;                         ///< 1 ... 65536
  double beta_min = 1e-4, beta_max = 0.02;  ///< of the first and of the last step; 0 < beta_min <= beta_max < 1
};
/// Rectified flow with t logit-normal (Esser et al. 2024, section 3.1): sigma = t/(1 - t) is log-normal.
struct LogitNormal {
  double mean = 0, deviation = 1;
};
}  // namespace schedule

/// s of the cosine schedule (Nichol & Dhariwal 2021, eq. 17).
constexpr double kCosineOffset = 0.008;

/// Distribution of the noise level sigma, in the units of the data. One level is drawn per sample, and x_tilde = x +
/// sigma eps. A process x_t = alpha x + beta eps has sigma = beta/alpha and x_tilde = x_t/alpha. Its t is uniform in
/// [t_min, t_max], and each step of ddpm has the same probability (docs/math.md, "Processes").
struct NoiseSchedule {
  enum class Kind {
    none,    ///< no noise: the objective is evaluated at x itself
    single,  ///< always sigma_max
    /// `levels` values in geometric progression from sigma_max down to sigma_min (Song & Ermon 2019, section 4.2);
    /// levels = 0: log-uniform between them.
    geometric,
    log_normal,  ///< ln sigma ~ N(log_mean, log_deviation^2) (Karras et al. 2022, table 1)
    /// Variance preserving, beta(t) linear: sigma = sqrt(e^B - 1), B = the integral of beta from 0 to t (Song et al.
    /// 2021, eq. 29 and appendix C)
    vp,
    sub_vp,          ///< sigma = e^(B/2) - e^(-B/2) (Song et al. 2021, eq. 29)
    cosine,          ///< alpha = cos((t + s)/(1 + s) pi/2) / cos(s/(1 + s) pi/2) (Nichol & Dhariwal 2021, eq. 17)
    rectified_flow,  ///< alpha = 1 - t, beta = t (Liu et al. 2023)
    ddpm             ///< `levels` steps, beta linear: alpha^2 = prod (1 - beta_i) (Ho et al. 2020, section 4)
  };
  constexpr NoiseSchedule() = default;
  constexpr NoiseSchedule(schedule::None) {}
  constexpr NoiseSchedule(schedule::Single single)
      : kind(Kind::single), sigma_min(single.sigma), sigma_max(single.sigma) {}
  constexpr NoiseSchedule(schedule::Geometric geometric)
      : kind(Kind::geometric),
        levels(geometric.levels),
        sigma_min(geometric.sigma_min),
        sigma_max(geometric.sigma_max) {}
  constexpr NoiseSchedule(schedule::LogNormal normal)
      : kind(Kind::log_normal), log_mean(normal.log_mean), log_deviation(normal.log_deviation) {}
  constexpr NoiseSchedule(schedule::Vp vp)
      : kind(Kind::vp), beta_min(vp.beta_min), beta_max(vp.beta_max), t_min(vp.t_min), t_max(vp.t_max) {}
  constexpr NoiseSchedule(schedule::SubVp vp)
      : kind(Kind::sub_vp), beta_min(vp.beta_min), beta_max(vp.beta_max), t_min(vp.t_min), t_max(vp.t_max) {}
  constexpr NoiseSchedule(schedule::Cosine cosine) : kind(Kind::cosine), t_min(cosine.t_min), t_max(cosine.t_max) {}
  constexpr NoiseSchedule(schedule::RectifiedFlow flow)
      : kind(Kind::rectified_flow), t_min(flow.t_min), t_max(flow.t_max) {}
  constexpr NoiseSchedule(schedule::Ddpm ddpm)
      : kind(Kind::ddpm), levels(ddpm.steps), beta_min(ddpm.beta_min), beta_max(ddpm.beta_max) {}
  constexpr NoiseSchedule(schedule::LogitNormal flow)
      : kind(Kind::log_normal), log_mean(flow.mean), log_deviation(flow.deviation) {}

  Kind kind = Kind::none;
  int levels = 0;                          ///< geometric, ddpm
  double sigma_min = 1, sigma_max = 1;     ///< geometric; sigma_max also single
  double log_mean = 0, log_deviation = 0;  ///< log_normal
  double beta_min = 0, beta_max = 0;       ///< vp, sub_vp, ddpm
  double t_min = 0, t_max = 1;             ///< vp, sub_vp, cosine, rectified_flow
};

namespace weighting {
struct None {};
struct Sigma2 {};
struct Edm {
  double sigma_data = 0.5;
};
struct VPrediction {};
struct DataPrediction {};
struct Velocity {};
struct MinSnr {
  double gamma = 5;
};
struct TruncatedSnr {};
}  // namespace weighting

/// lambda(sigma), the factor of each sample's loss, for every objective.
struct Weighting {
  enum class Kind {
    none,    ///< 1
    sigma2,  ///< sigma^2 (Song & Ermon 2019, eq. 6)
    edm,     ///< sigma^2 (sigma^2 + sigma_data^2) / sigma_data^2 (Karras et al. 2022, table 1, for scores)
    // With these three the loss is 1/2 |F - target|^2 of the parameterization of that name.
    v_prediction,     ///< sigma^2 (1 + sigma^2) (Salimans & Ho 2022, section 4: "SNR + 1")
    data_prediction,  ///< sigma^4
    velocity,         ///< sigma^2 (1 + sigma)^2 (Lipman et al. 2023, eq. 9)
    min_snr,          ///< sigma^2 min(1, gamma sigma^2) (Hang et al. 2023, section 3.4)
    truncated_snr     ///< sigma^2 max(1, sigma^2) (Salimans & Ho 2022, section 4)
  };
  constexpr Weighting() = default;
  constexpr Weighting(Kind kind_, double sigma_data_ = 0.5) : kind(kind_), sigma_data(sigma_data_) {}
  constexpr Weighting(weighting::None) {}
  constexpr Weighting(weighting::Sigma2) : kind(Kind::sigma2) {}
  constexpr Weighting(weighting::Edm edm) : kind(Kind::edm), sigma_data(edm.sigma_data) {}
  constexpr Weighting(weighting::VPrediction) : kind(Kind::v_prediction) {}
  constexpr Weighting(weighting::DataPrediction) : kind(Kind::data_prediction) {}
  constexpr Weighting(weighting::Velocity) : kind(Kind::velocity) {}
  constexpr Weighting(weighting::MinSnr min_snr) : kind(Kind::min_snr), gamma(min_snr.gamma) {}
  constexpr Weighting(weighting::TruncatedSnr) : kind(Kind::truncated_snr) {}

  Kind kind = Kind::none;
  double sigma_data = 0.5;  ///< edm; must equal the parameterization's if that is edm too
  double gamma = 5;         ///< min_snr: the largest signal-to-noise ratio 1/sigma^2 that counts, > 0
};

}  // namespace scorematch
