// All heads, and the one place that knows which objective is whose.
#pragma once
#include "heads/dsm.cuh"
#include "heads/esm.cuh"
#include "heads/ism.cuh"
#include "heads/ssm.cuh"
#include "heads/ssm_vr.cuh"

namespace scorematch {
namespace kernels {

template <class Head_>
struct HeadTag {
  using Head = Head_;
};

/// visit(HeadTag<...>()) of an objective's head.
template <class Visit>
SCOREMATCH_DEVICE void visit_head(Objective objective, const Visit& visit) {
  switch (objective) {
    case Objective::esm:
      return visit(HeadTag<EsmHead>());
    case Objective::dsm:
      return visit(HeadTag<DsmHead>());
    case Objective::ism:
      return visit(HeadTag<IsmHead>());
    case Objective::ssm:
      return visit(HeadTag<SsmHead>());
    case Objective::ssm_vr:
      break;
  }
  return visit(HeadTag<SsmVrHead>());
}

}  // namespace kernels
}  // namespace scorematch
