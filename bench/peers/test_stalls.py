"""Tests of what happens to measurements that stall, with made-up times:

    python3 -m unittest discover -s bench/peers
"""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from stalls import ATTEMPTS, Outcome, settle, summary

ROUNDS = 5


class Script:
    """Answers each measurement of a form with its next times; the last ones are repeated."""

    def __init__(self, **forms: list[list[float]]) -> None:
        self.forms = forms
        self.asked: list[list[str]] = []

    def __call__(self, forms: list[str]) -> dict[str, list[float]]:
        self.asked.append(list(forms))
        return {name: self.forms[name].pop(0) if len(self.forms[name]) > 1 else self.forms[name][0] for name in ["cpu", *forms]}

    def outcome(self, **fastest: float) -> Outcome:
        return settle(self, "cpu", [name for name in self.forms if name != "cpu"], fastest)


def steady(milliseconds: float) -> list[float]:
    return [milliseconds * (1 + 0.05 * i) for i in range(ROUNDS)]


def stalled_in(rounds: int, milliseconds: float) -> list[float]:
    return [634 * milliseconds] * rounds + steady(milliseconds)[rounds:]


class Settling(unittest.TestCase):
    def test_times_of_a_quiet_machine_are_taken_as_they_are(self) -> None:
        script = Script(cpu=[steady(1)], torch=[steady(2)], jax=[steady(7)])
        outcome = script.outcome(torch=2, jax=7)
        self.assertEqual(script.asked, [["torch", "jax"]])
        self.assertEqual(outcome.stalled, {})
        self.assertEqual(outcome.own, steady(1))
        self.assertEqual(outcome.forms["torch"].ratios(), [2.0] * ROUNDS)

    def test_a_few_slow_slices_are_left_to_the_median(self) -> None:
        script = Script(cpu=[steady(1)], torch=[stalled_in(2, 2)], jax=[steady(3)])
        self.assertEqual(script.outcome().stalled, {})
        self.assertEqual(len(script.asked), 1)

    def test_a_form_that_stalls_once_is_measured_again_with_scorematch(self) -> None:
        script = Script(cpu=[steady(1), steady(2)], torch=[stalled_in(4, 2), steady(4)], jax=[steady(3)])
        outcome = script.outcome()
        self.assertEqual(script.asked, [["torch", "jax"], ["torch"]])
        self.assertEqual(outcome.stalled, {})
        self.assertEqual(outcome.own, steady(1))
        self.assertEqual(outcome.forms["torch"].ratios(), [2.0] * ROUNDS)  # with the times of the same rounds
        self.assertEqual(outcome.forms["jax"].ratios(), [3.0] * ROUNDS)

    def test_a_form_that_was_faster_when_it_was_chosen_is_dropped(self) -> None:
        script = Script(cpu=[steady(1)], torch=[steady(20)], jax=[steady(3)])
        outcome = script.outcome(torch=2)
        self.assertEqual(len(script.asked), ATTEMPTS)
        self.assertEqual(list(outcome.forms), ["jax"])
        self.assertIn("times its own fastest time, 2 ms", outcome.stalled["torch"])

    def test_a_form_that_always_stalls_is_dropped_by_comparison_with_the_others(self) -> None:
        script = Script(cpu=[steady(1)], torch=[steady(634)], jax=[steady(3)])
        outcome = script.outcome(torch=634, jax=3)
        self.assertEqual(script.asked, [["torch", "jax"], ["torch"], ["torch"]])
        self.assertEqual(list(outcome.forms), ["jax"])
        self.assertIn("times that of the fastest other form", outcome.stalled["torch"])

    def test_the_only_form_may_take_long(self) -> None:
        self.assertEqual(Script(cpu=[steady(1)], torch=[steady(50)]).outcome().stalled, {})

    def test_rounds_in_which_scorematch_stalls_do_not_count(self) -> None:
        script = Script(cpu=[stalled_in(4, 1), steady(1)], torch=[steady(2)])
        outcome = script.outcome()
        self.assertEqual(script.asked, [["torch"], ["torch"]])
        self.assertEqual((outcome.own, outcome.stalled), (steady(1), {}))
        self.assertEqual(outcome.forms["torch"].ratios(), [2.0] * ROUNDS)

    def test_nothing_is_left_if_scorematch_always_stalls(self) -> None:
        outcome = Script(cpu=[stalled_in(4, 1)], torch=[steady(2)]).outcome()
        self.assertEqual((outcome.own, outcome.forms), ([], {}))
        self.assertEqual(sorted(outcome.stalled), ["cpu", "torch"])

    def test_a_form_is_not_blamed_for_what_scorematch_does_later(self) -> None:
        script = Script(cpu=[steady(1), stalled_in(4, 1)], torch=[stalled_in(4, 2), steady(2)], jax=[steady(3)])
        outcome = script.outcome()
        self.assertEqual(outcome.own, steady(1))
        self.assertEqual(list(outcome.forms), ["jax"])
        self.assertTrue(outcome.stalled["torch"].startswith("cpu: "), outcome.stalled)
        self.assertNotIn("cpu", outcome.stalled)


class Summaries(unittest.TestCase):
    def test_a_ratio_is_printed_only_for_forms_that_settled(self) -> None:
        outcome = Script(cpu=[steady(1)], torch=[steady(634)], jax=[steady(3)]).outcome()
        lines = summary("dsm/job", outcome).splitlines()
        self.assertEqual(len(lines), 2)
        self.assertTrue(lines[0].endswith("1.100 ms  jax 3.00"), lines[0])
        self.assertTrue(lines[1].startswith(f"  torch: stalled in {ATTEMPTS} measurements, so there is no ratio: "), lines[1])

    def test_a_job_without_a_time_says_so(self) -> None:
        text = summary("dsm/job", Script(cpu=[stalled_in(4, 1)], torch=[steady(2)]).outcome())
        self.assertIn("no time", text.splitlines()[0])


if __name__ == "__main__":
    unittest.main()
