#include "model/objective_terms.h"

namespace scorematch {
namespace {

Term at(double point, double quadratic, Term::Target target, double linear, bool complete_square) {
  Term term;
  term.point = point;
  term.quadratic = quadratic;
  term.target = target;
  term.linear = linear;
  term.complete_square = complete_square;
  return term;
}

Term sliced(Term term, Term::Directions directions, double weight, bool sliced_square) {
  term.directions = directions;
  term.weight = weight;
  term.sliced_square = sliced_square;
  return term;
}

struct Terms {
  // 1/2 |s - grad log p|^2
  std::vector<Term> operator()(const Esm&) const { return {at(1, 1, Term::Target::true_score, -1, true)}; }
  // tr J + 1/2 |s|^2
  std::vector<Term> operator()(const Ism&) const {
    return {sliced(at(1, 1, Term::Target::none, 0, false), Term::Directions::basis, 1, false)};
  }
  std::vector<Term> operator()(const Dsm& dsm) const {
    switch (dsm.variance) {
      case Dsm::Variance::plain:  // 1/2 |s + eps/sigma|^2
        return {at(1, 1, Term::Target::noise, 1, true)};
      case Dsm::Variance::control_variate:  // 1/2 |s|^2 + eps/sigma s, and - eps/sigma s(x)
        return {at(1, 1, Term::Target::noise, 1, false), at(0, 0, Term::Target::noise, -1, false)};
      case Dsm::Variance::antithetic:  // the mean over x +- sigma eps of 1/2 |s|^2 +- eps/sigma s
        return {at(1, 0.5, Term::Target::noise, 0.5, false), at(-1, 0.5, Term::Target::noise, -0.5, false)};
    }
    return {};
  }
  // mean of v^T J v + 1/2 (v^T s)^2
  std::vector<Term> operator()(const Ssm& ssm) const {
    return {sliced(Term(), Term::Directions::drawn, 1.0 / ssm.projections, true)};
  }
  // mean of v^T J v, + 1/2 |s|^2
  std::vector<Term> operator()(const SsmVr& ssm) const {
    return {sliced(at(1, 1, Term::Target::none, 0, false), Term::Directions::drawn, 1.0 / ssm.projections, false)};
  }
};

}  // namespace

std::vector<Term> terms_of(const Objective& objective) { return std::visit(Terms{}, objective); }

}  // namespace scorematch
