"""Tests of names, numbers, fits and counts on made-up power laws; see test_report.py for how to run them."""
from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import growth
import markdown
import results
from results import parse_job

DSM = "dsm/score/d:64/H:128/L:3/N:4096"
SSM = "ssm/score/d:64/H:128/L:3/M:4/N:512"


def job(text: str) -> results.Job:
    parsed = parse_job(text)
    assert parsed
    return parsed


class Names(unittest.TestCase):
    def test_jobs_are_parsed_and_written_as_they_were(self) -> None:
        for text in (DSM, SSM, "ssm_vr/energy/d:8/H:32/L:1/M:1/N:64/value", "ism/score/d:2/H:16/L:2/N:1"):
            self.assertEqual(str(job(text)), text)
        self.assertEqual(job(SSM).projections, 4)
        for text in ("dsm/score", "fsm/score/d:1/H:1/L:1/N:1", DSM + "/gradient", "adam/P:1000",
                     SSM.replace("/M:4", ""), DSM.replace("/N", "/M:4/N")):
            self.assertIsNone(parse_job(text))


class Numbers(unittest.TestCase):
    def test_numbers_have_three_digits(self) -> None:
        for value, text in ((9.996, "10.0"), (0.012345, "0.0123"), (123456, "123,000"), (0, "0"), (None, "–"),
                            (float("nan"), "–"), (-0.5, "−0.500")):
            self.assertEqual(markdown.number(value), text)
        self.assertEqual(markdown.rate(1.234e6), "1.23 M")
        self.assertEqual(markdown.rate(999.9), "1.00 k")
        self.assertEqual([markdown.percent(x) for x in (0.5, 0.0123, 1.2)], ["50 %", "1.2 %", "120 %"])

    def test_columns_that_are_empty_throughout_are_left_out(self) -> None:
        self.assertEqual(markdown.table(["a", "b", "c"], [["1", "–", "3"], ["4", "–", "–"]]),
                         ["| a | c |", "|---|---:|", "| 1 | 3 |", "| 4 | – |"])


class Growth(unittest.TestCase):
    def rows(self, name: str, times: dict[int, float]) -> list[results.Row]:
        return [results.Row("cpu", name.format(x), job(name.format(x)), time) for x, time in times.items()]

    def test_an_exponent_is_recovered_from_a_power_law(self) -> None:
        for power in (1.0, 2.0, 0.5):
            xs = [1, 4, 16, 64, 256]
            self.assertAlmostEqual(growth.exponent(xs, [3e-4 * x**power for x in xs]), power, places=12)

    def test_only_the_upper_half_of_the_axis_is_fitted(self) -> None:
        times = {4**i: max(1.0, (4**i / 64) ** 2) for i in range(1, 7)}  # flat below 64
        series, = growth.find_series(self.rows("ism/score/d:{}/H:32/L:3/N:64", times))
        self.assertEqual([series.xs[i] for i in series.upper()], [256, 1024, 4096])
        self.assertAlmostEqual(series.fitted() or 0, 2.0, places=12)

    def test_once_and_each_direction_are_recovered(self) -> None:
        times = {m: 0.5 + 0.25 * m for m in (1, 2, 4, 8, 64)}
        series, = growth.find_series(self.rows("ssm/score/d:64/H:128/L:3/M:{}/N:512", times))
        fit = series.affine()
        assert fit
        self.assertAlmostEqual(fit.once, 0.5, places=12)
        self.assertAlmostEqual(fit.each, 0.25, places=12)
        self.assertAlmostEqual(fit.quotient, 2, places=11)

    def test_series_are_found_where_axes_cross_and_need_three_points(self) -> None:
        rows = self.rows("dsm/score/d:64/H:128/L:3/N:{}", {64: 1, 128: 2, 256: 4})
        rows += self.rows("dsm/score/d:{}/H:128/L:3/N:64", {32: 1, 128: 2})
        rows += self.rows("dsm/score/d:64/H:{}/L:3/N:64", {64: 1, 32: 2})
        rows += [results.Row("cuda-bf16", row.rest, row.job, row.median) for row in rows[:2]]
        self.assertEqual([(s.engine, s.axis, s.xs) for s in growth.find_series(rows)],
                         [("cpu", "N", (64, 128, 256)), ("cpu", "d", (32, 64, 128)), ("cpu", "H", (32, 64, 128))])

    def test_counts_are_those_of_the_page(self) -> None:
        a, b = 64 * 128, 2 * 128**2
        for text, count in ((DSM, 10 * a + 6 * b), (DSM + "/value", 4 * a + 2 * b), (SSM, 36 * a + 30 * b),
                            (SSM + "/value", 18 * a + 10 * b), (DSM.replace("score", "energy"), 10 * a + 14 * b),
                            (SSM.replace("score", "energy"), 20 * a + 36 * b),
                            (SSM.replace("ssm/score", "ssm_vr/energy"), 26 * a + 44 * b)):
            self.assertEqual(growth.flops(job(text)), job(text).batch * count, text)

    def test_limits_are_what_the_counts_tend_to(self) -> None:
        for name, axis in (("dsm/score/d:8/H:{}/L:3/N:1", "H"), ("dsm/score/d:8/H:{}/L:1/N:1", "H"),
                           ("ism/score/d:{}/H:8/L:3/N:1", "d"), ("ssm/energy/d:{}/H:8/L:3/M:2/N:1", "d"),
                           ("dsm/score/d:8/H:8/L:3/N:{}", "N")):
            xs = (10**6, 10**7, 10**8)
            found = [s for s in growth.find_series(self.rows(name, dict.fromkeys(xs, 1.0))) if s.axis == axis]
            self.assertAlmostEqual(found[0].theory() or 0, growth.limit(found[0].jobs[0], axis) or 0, 3, name)

    def test_counts_along_an_axis_are_those_of_its_jobs(self) -> None:
        series, = growth.find_series(self.rows("ism/score/d:{}/H:32/L:3/N:64", dict.fromkeys((2, 8, 32), 1.0)))
        self.assertEqual(growth.counts_along(series, series.xs), [growth.flops(each) for each in series.jobs])


if __name__ == "__main__":
    unittest.main()
