// Closed forms for the losses of affine scores s = A x + b. All numbers are sums of few powers of two, so that float32
// represents every intermediate result exactly.
#ifndef SCOREMATCH_TESTS_C_AFFINE_H
#define SCOREMATCH_TESTS_C_AFFINE_H

enum { kDim = 2, kBatch = 4, kParams = kDim * kDim + kDim };

static const float kNet[kParams] = {0.5f, -0.25f, 1.0f, -0.75f, 0.125f, -0.5f};  // A, b
static const float kX[kBatch * kDim] = {1, -0.5f, 0.25f, 2, -1.5f, 0.75f, 0, 1};
static const float kSigma[kBatch] = {0.5f, 1, 0.25f, 2};
static const float kEps[kBatch * kDim] = {0.5f, -1, 2, 0.25f, -0.5f, 1, 1.5f, -2};
static const float kDirections[kBatch * kDim] = {1, -1, 0.5f, 2, -1, -1, 1, 0};  // one per sample
static const float kTrueScore[kBatch * kDim] = {-1, 0.5f, -0.25f, -2, 1.5f, -0.75f, 0, -1};
static const char kNetText[] = "dim=2 hidden=";

struct known {
  double loss[kBatch], mean, standard_error;
  double r[kBatch][kDim];  // gradient of a sample's loss in s
  double grad[kParams], grad_x[kBatch][kDim];
};

/// @param objective esm, ism, dsm, ssm or ssm_vr. dsm is weighted by sigma^2; the others have no noise.
struct known known_loss(const char* objective);
#endif
