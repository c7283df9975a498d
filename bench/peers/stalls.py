"""Measurements that stalled: something else held up the threads of a form, so that its times say nothing about it.

A form that waits for processors that others use can take hundreds of times as long. A median over rounds drops single slow
slices, but not a form that is slow in most of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from statistics import median

# On a quiet machine a median is at most 1.6 times the fastest slice, and the slowest form that is chosen takes at most 4 times
# as long as the fastest.
SPREAD = 3.0  # of the median over the fastest time of the same form
FAR = 30.0  # of the median over that of the fastest other form
ATTEMPTS = 3  # measurements of a form before it is dropped

Times = dict[str, list[float]]  # milliseconds of each round, by form


@dataclass
class Measured:
    times: list[float]
    own: list[float]  # scorematch's, in the same rounds

    def ratios(self) -> list[float]:
        return [time / own for time, own in zip(self.times, self.own)]


@dataclass
class Outcome:
    own: list[float] = field(default_factory=list)  # empty if scorematch itself stalled
    forms: dict[str, Measured] = field(default_factory=dict)
    stalled: dict[str, str] = field(default_factory=dict)  # why the others have no ratio


def why_stalled(times: list[float], fastest: float, fastest_other: float) -> str | None:
    """Nothing if the times can be used.

    `fastest` is the shortest time of this form so far, `fastest_other` the median of the fastest other form."""
    middle = median(times)
    if middle > SPREAD * fastest:
        return f"a median of {middle:.3g} ms is {middle / fastest:.3g} times its own fastest time, {fastest:.3g} ms"
    if middle > FAR * fastest_other:
        return f"a median of {middle:.3g} ms is {middle / fastest_other:.3g} times that of the fastest other form, {fastest_other:.3g} ms"
    return None


def settle(measure: Callable[[list[str]], Times], own: str, forms: list[str], fastest: dict[str, float]) -> Outcome:
    """Measures all forms, and those that stalled again.

    `measure` times scorematch, as `own`, and these forms in the same rounds. `fastest` has times of the forms from before."""
    fastest = dict(fastest)
    outcome = Outcome()
    left = list(forms)
    for _ in range(ATTEMPTS):
        times = measure(left)
        for name, each in times.items():
            fastest[name] = min(fastest.get(name, inf), *each)
        # Without scorematch's times, those of the forms have nothing to be compared with.
        if why := why_stalled(times[own], fastest[own], inf):
            outcome.stalled |= {name: f"{own}: {why}" for name in left}
            if not outcome.own:
                outcome.stalled[own] = why
            continue
        outcome.stalled.clear()
        outcome.own = outcome.own or times[own]
        medians = {form: median(each.times) for form, each in outcome.forms.items()} | {form: median(times[form]) for form in left}
        for form in left:
            others = min((value for name, value in medians.items() if name != form), default=inf)
            if why := why_stalled(times[form], fastest[form], others):
                outcome.stalled[form] = why
            else:
                outcome.forms[form] = Measured(times[form], times[own])
        left = list(outcome.stalled)
        if not left:
            break
    return outcome


def summary(job: str, outcome: Outcome) -> str:
    """A line with the ratios, and a line for each form that has none."""
    text = f"{job:44} {median(outcome.own):9.3f} ms" if outcome.own else f"{job:44}      no time"
    for form, measured in outcome.forms.items():
        text += f"  {form} {median(measured.ratios()):.2f}"
    for name, why in outcome.stalled.items():
        text += f"\n  {name}: stalled in {ATTEMPTS} measurements, so there is no ratio: {why}"
    return text
