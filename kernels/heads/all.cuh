// All heads, and the one place that knows which objective is whose.
#pragma once
#include "heads/dsm.cuh"
#include "heads/esm.cuh"
#include "heads/ism.cuh"
#include "heads/ssm.cuh"
#include "heads/ssm_vr.cuh"

namespace scorematch {
namespace kernels {

/// visit(head) with the head of an objective.
template <class Visit>
SCOREMATCH_DEVICE void visit_head(Objective objective, const Visit& visit) {
  switch (objective) {
    case Objective::esm:
      return visit(EsmHead());
    case Objective::dsm:
      return visit(DsmHead());
    case Objective::ism:
      return visit(IsmHead());
    case Objective::ssm:
      return visit(SsmHead());
    default:
      return visit(SsmVrHead());
  }
}

}  // namespace kernels
}  // namespace scorematch
