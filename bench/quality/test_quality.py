"""Tests of the whole harness, with a stand-in for the command, and of the criteria and the page."""
from __future__ import annotations

import contextlib
import importlib.util
import io
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np

import criteria
import digits
import page
import pictures
import quality
from catalog import data_sets
from result import Record, Result, read_record

HERE = Path(__file__).parent
HAS_MATPLOTLIB = importlib.util.find_spec("matplotlib") is not None


class Folder(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)


class Harness(Folder):
    def setUp(self) -> None:
        super().setUp()
        self.command = self.folder / "command"
        self.command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE / "fake_command.py"}" "$@"\n', encoding="utf-8")
        self.command.chmod(0o755)

    def run_with(self, *options: str) -> tuple[int, str]:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = quality.main(["--command", str(self.command), "--sets", "circle", "--seeds", "0", "--blocks", "8",
                                 "--out", str(self.folder), *options])
        return code, out.getvalue()

    def test_passes_a_model_that_repeats_its_rows(self) -> None:
        code, out = self.run_with()
        self.assertEqual(code, 0, out)
        self.assertIn("every criterion passed", out)
        record = read_record(self.folder / "record.json")
        self.assertAlmostEqual(record.results[0].ratio, 1, delta=0.25)
        self.assertEqual(record.results[0].options, {"steps": "0"})
        self.assertEqual(sorted(path.name for path in (self.folder / "circle/0").iterdir()), ["data.copy", "model.safetensors"])

    def test_fails_wide_samples_and_says_so_again_of_the_record(self) -> None:
        code, out = self.run_with("--train", "--steps 3")
        self.assertEqual(code, 1)
        self.assertRegex(out, r"circle +seed 0 .*FAIL: ratio [0-9.]+ > 2")
        again, said = self.run_with("--from-record", str(self.folder / "record.json"))
        self.assertEqual(again, 1)
        self.assertIn("2 criteria failed", said)

    def test_goes_on_after_a_failure_of_the_command(self) -> None:
        code, out = self.run_with("--sets", "circle,digits", "--train", "--steps 1")
        self.assertEqual(code, 1)
        for job in ("circle", "digits"):
            self.assertRegex(out, rf"{job} +seed 0  FAIL: train ended with 1: scorematch: error: DATA: expected something else")

    def test_fails_samples_that_are_not_finite(self) -> None:
        code, out = self.run_with("--train", "--steps 2")
        self.assertEqual(code, 1)
        self.assertIn("FAIL: 1 of 32000 samples are not finite", out)

    def test_runs_several_models_at_a_time_in_the_order_asked_for(self) -> None:
        code, out = self.run_with("--seeds", "2,1", "--jobs", "2")
        self.assertEqual(code, 0, out)
        record = read_record(self.folder / "record.json")
        self.assertEqual([each.seed for each in record.results], [2, 1])
        self.assertFalse(record.results[0].timed)

    def test_tells_copies_of_training_digits(self) -> None:
        code, out = self.run_with("--sets", "digits")
        self.assertEqual(code, 1)
        self.assertRegex(out, "digits +seed 0 .*distance to training digits 0.00 < 0.8")

    def test_refuses_arguments(self) -> None:
        for options, said in ((["--seeds", "1,1"], r"--seeds: expected distinct integers >= 0, got \[1, 1\]"),
                              (["--sets", "squares"], "--sets: unknown squares; known are"),
                              (["--jobs", "0"], "--jobs: expected a positive number, got 0"),
                              (["--command", "nowhere"], "got 'nowhere', which is not a file")):
            with self.subTest(options), contextlib.redirect_stderr(io.StringIO()) as error:
                with self.assertRaises(SystemExit) as ended:
                    self.run_with(*options)
                self.assertEqual(ended.exception.code, 2)
                self.assertRegex(error.getvalue(), said)


class Digits(unittest.TestCase):
    def test_distance_of_sets_of_two_sizes(self) -> None:
        """The quantiles are 0 and 1 in [0, 1/2), 0 and 3 in [1/2, 2/3), 3 and 3 in [2/3, 1)."""
        a, b = np.array([[0.0], [0.0], [3.0]]), np.array([[1.0], [3.0]])
        self.assertAlmostEqual(digits.sliced_w2(a, b), np.sqrt(1 / 2 + 9 / 6), places=12)

    def test_nearest(self) -> None:
        self.assertAlmostEqual(digits.mean_nearest_distance(np.array([[0.0, 0], [3, 4]]), np.array([[0.0, 1], [3, 2]])), 1.5)

    def test_real_digits_are_like_real_digits(self) -> None:
        every = digits.read(HERE.parents[1] / "docs/examples/data/digits-8x8.npy")
        held_out = digits.split(every, 0, digits.TRAINING, digits.HELD_OUT)
        blurred = np.random.default_rng(1).normal(held_out, 4)
        real = digits.compare(every, 1, digits.split(every, 7, 0, digits.SAMPLES))
        self.assertAlmostEqual(real.wasserstein, 0.9, delta=0.3)  # some of them are held-out digits
        self.assertGreater(digits.compare(every, 0, blurred).to_held_out, criteria.DIGITS_TO_HELD_OUT)


def passing(**values: object) -> Result:
    return Result(**{"job": "eight", "seed": 0, "ratio": 1.4, "weight_error": 0.03, "weight_excess": 0.75, "spread_error": 0.09,
                     "log_density_error": -0.04, "likelihood_dim": 2, "train_seconds": 50.0, **values})


class Criteria(unittest.TestCase):
    def test_pass_what_is_within_bounds(self) -> None:
        self.assertEqual(criteria.job_faults([passing()]), [])

    def test_fail_each_bound(self) -> None:
        for values, said in (({"ratio": 2.1}, "ratio 2.10 > 2"), ({"ratio": float("nan")}, "ratio nan > 2"),
                             ({"weight_excess": 1.1}, "mode weight off by 0.030"),
                             ({"spread_error": 0.11}, "mode spread off by 0.11 > 0.1"),
                             ({"log_density_error": -0.06}, "0.060 > 0.05"), ({"log_density_error": 0.06}, "0.060 > 0.05"),
                             ({"log_density_error": 0.03, "likelihood_dim": 16}, "0.030 > 0.02"),
                             ({"log_density_error": float("inf")}, "inf > 0.05"),
                             ({"train_seconds": 61.0}, "training seconds 61 > 60"), ({"failure": "refused"}, "refused"),
                             ({"few": True, "spread_error": 0.6}, "mode spread off by 0.60 > 0.5"),
                             ({"job": "digits", "ratio": 2.1, "to_held_out": 1.0, "to_training": 1.0}, "ratio 2.10 > 2"),
                             ({"job": "digits", "to_held_out": 1.2, "to_training": 1.0}, "held-out digits 1.20 > 1.15"),
                             ({"job": "digits", "to_held_out": 1.0, "to_training": 0.7}, "training digits 0.70 < 0.8")):
            with self.subTest(values):
                found = criteria.faults(passing(**values))
                self.assertEqual(len(found), 1, found)
                self.assertIn(said, found[0])

    def test_hold_the_median_over_seeds(self) -> None:
        ratios = [passing(ratio=ratio) for ratio in (1.2, 1.6, 1.9)]
        self.assertEqual(criteria.job_faults(ratios), ["median ratio 1.60 > 1.5"])
        self.assertEqual(criteria.job_faults([*ratios[:2], passing(ratio=1.3)]), [])

    def test_hold_training_to_its_time_only_where_asked(self) -> None:
        self.assertEqual(criteria.faults(passing(train_seconds=90.0, timed=False)), [])

    def test_hold_few_rows_to_less(self) -> None:
        self.assertEqual(criteria.faults(passing(few=True, spread_error=0.4, log_density_error=-2.0)), [])

    def test_hold_the_whole_to_an_hour(self) -> None:
        record = Record("a", "b", [], [], [0], None, seconds=3700, results=[passing()])
        self.assertEqual(criteria.record_faults(record), ["seconds in all 3700 > 3600"])


class Page(Folder):
    def test_has_the_table_the_faults_and_the_defaults(self) -> None:
        record = Record("Some CPU", "abc1234", [], [], [0], None, 120,
                        [passing(options={"steps": "6000", "batch": "256", "data": "x"}), passing(job="moons", ratio=3.0, options={"steps": "9", "batch": "256"})])
        (self.folder / "quality-eight.png").touch()
        page.write(record, self.folder / "quality.md", self.folder)
        text = " ".join((self.folder / "quality.md").read_text(encoding="utf-8").split())
        for part in ("Measured on Some CPU at commit abc1234, in 2 minutes", "2 criteria fail", "- moons: seed 0: ratio 3.00 > 2",
                     "`--batch 256`. These differ between models: `--steps` (6000, 9)", "(images/quality/quality-eight.png)", "| 1.40 |", "**fail** |", "pass |"):
            self.assertIn(part, text)
        self.assertNotIn("quality-moons.png", text)  # the picture does not exist
        self.assertNotIn("--data", text)

    @unittest.skipUnless(HAS_MATPLOTLIB, "matplotlib is not installed")
    def test_pictures_are_small(self) -> None:
        for name, data_set in data_sets().items():
            if name in ("mixture-1d", "checkerboard", "people", "gaussian-64", "julian-days"):
                with self.subTest(name):
                    rows = data_set.fresh(0, 4000)
                    pictures.draw_set(data_set, name, data_set.training_set(0), rows, self.folder)
                    self.assertTrue(1000 < (self.folder / f"quality-{name}.png").stat().st_size < 60_000)
        with self.subTest("digits"):
            pictures.draw_digits("digits", np.random.default_rng(1).uniform(0, 16, (digits.SAMPLES, 64)), self.folder)
            self.assertTrue(1000 < (self.folder / "quality-digits.png").stat().st_size < 60_000)


if __name__ == "__main__":
    unittest.main()
