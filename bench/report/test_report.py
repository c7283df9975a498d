"""Tests of reading, of the page and of --check, on small made-up results:

    python3 -m unittest discover -s bench/report

Those that draw are skipped where matplotlib is not installed; nothing else needs it.
"""
from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import compact
import report
import results

CONTEXT = {"date": "2001-02-03T04:05:06+00:00", "device": "Some CPU", "engine": "cpu: 2 threads", "commit": "abc1234"}
DSM = "dsm/score/d:64/H:128/L:3/N:4096"
SSM = "ssm/score/d:64/H:128/L:3/M:4/N:512"


def aggregates(name: str, median: float, low: float, high: float, unit: str = "ms", **counters: float) -> list[dict]:
    return [{"name": f"{name}_{kind}", "run_name": name, "run_type": "aggregate", "aggregate_name": kind,
             "real_time": time, "time_unit": unit, **counters}
            for kind, time in (("median", median), ("min", low), ("max", high))]


class Folder(unittest.TestCase):
    """A folder of results and a page, gone after the test."""

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = Path(temporary.name)
        self.results, self.page = self.root / "results", self.root / "docs/page.md"
        self.plots = self.root / "docs/plots"
        self.results.mkdir()
        self.page.parent.mkdir()
        self.page.write_text(f"# Title\n\n{report.BEGIN}\nold\n{report.END}\n\nThe end.\n", encoding="utf-8")

    def put(self, name: str, rows: list[dict], device: str = "some-cpu", **more: Any) -> None:
        (self.results / device).mkdir(exist_ok=True)
        content = {"context": CONTEXT, "benchmarks": rows, **more}
        (self.results / device / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")

    def put_all(self) -> None:
        self.put("suite", aggregates(f"cpu/{DSM}", 20, 19, 21, floor_share=0.5, floor_ms=10, **{"samples/s": 204800.0}))
        self.put("parts", aggregates("machine/fma", 10, 10, 10, **{"GFLOP/s": 110.0})
                 + aggregates("parts/adam/P:1000", 2, 2, 3, unit="us", peak_bytes=2**21))
        self.put("growth", [row for n in (64, 256, 1024, 4096)
                            for row in aggregates(f"cpu/dsm/score/d:64/H:128/L:3/N:{n}", n / 100, n / 110, n / 90)])
        self.put("peers", aggregates(f"cpu/{DSM}", 21, 20, 22) + aggregates(f"torch-eager/{DSM}", 60, 50, 70)
                 + aggregates(f"ratio/torch-eager/{DSM}", 3, 2.5, 3.5)
                 + aggregates(f"ratio/torch-compile/{DSM}", 1.5, 1.4, 1.6)
                 + aggregates(f"ratio/jax-jit/{DSM}", 2, 1.75, 2.25),
                 refused=[{"form": "torch-jvp", "job": SSM, "why": f"not\nsupported | {report.END}"}])

    def call(self, *options: str, plots: bool = False) -> tuple[int, str]:
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            status = report.main([str(self.results), "--markdown", str(self.page),
                                  *(["--plots", str(self.plots)] if plots else []), *options])
        return status, said.getvalue()

    def text(self) -> str:
        return self.page.read_text(encoding="utf-8")

    def device_text(self, device: str = "some-cpu") -> str:
        return (self.root / f"docs/results/{device}.md").read_text(encoding="utf-8")


class Reading(Folder):
    def test_times_become_seconds_and_the_manner_of_measuring_is_no_part_of_a_name(self) -> None:
        rows = aggregates(f"cpu/{DSM}/min_time:0.100/real_time", 20, 19, 22, unit="us")
        rows += [{"name": f"cpu/{SSM}", "run_name": f"cpu/{SSM}", "run_type": "iteration", "real_time": time,
                  "time_unit": "ns", "GB/s": time} for time in (5.0, 7.0, 4.0)]
        self.put("suite", rows)
        device, = results.read_results(self.results)
        assert device.suite
        first, second = device.suite.rows
        self.assertEqual((first.owner, first.rest, first.job), ("cpu", DSM, results.parse_job(DSM)))
        self.assertAlmostEqual(first.median, 20e-6)
        self.assertAlmostEqual(first.spread or 0, 0.15)
        self.assertAlmostEqual(second.median, 5e-9)
        self.assertEqual(second.counters, {"GB/s": 5.0})

    def test_what_failed_is_refused_not_dropped(self) -> None:
        self.put("suite", [{"name": f"cpu/{DSM}", "run_name": f"cpu/{DSM}", "run_type": "iteration",
                            "error_occurred": True, "error_message": "the loss is not finite"}])
        self.assertEqual(self.call()[0], 0)
        self.assertIn(f"| `{DSM}` | `cpu` | `the loss is not finite` |", self.device_text())

    def test_the_peers_context_is_understood(self) -> None:
        (self.results / "x").mkdir()
        (self.results / "x/peers.json").write_text(json.dumps({
            "context": {"date": "d", "host": "A CPU", "threads": 2,
                        "versions": {"jax": "1", "scorematch commit": "abc"}}, "benchmarks": []}), encoding="utf-8")
        device, = results.read_results(self.results)
        assert device.peers
        self.assertEqual(device.peers.source, results.Source("A CPU", "2 threads", "d", "abc", {"jax": "1"}))

    def test_the_compact_form_says_the_same(self) -> None:
        self.put_all()
        before = results.read_results(self.results)
        self.assertEqual(len(results.raw_files(self.results)), 4)
        self.assertEqual(self.call("--check")[0], 1)
        self.assertEqual(self.call(), (0, ""))
        self.assertEqual(results.raw_files(self.results), [])
        self.assertEqual(results.read_results(self.results), before)
        self.assertEqual(self.call("--check"), (0, ""))

    def test_every_field_survives_compaction(self) -> None:
        rows = [{"name": "a_median", "run_name": "a", "aggregate_name": "median", "real_time": 1.5e-9, "time_unit": "ms"},
                {"name": "b", "run_name": "b", "real_time": 2, "time_unit": "ms", "error_occurred": True, "GB/s": 0.1}]
        content = {"context": CONTEXT, "benchmarks": rows, "refused": [{"form": "x"}]}
        written = json.loads(compact.text_of(compact.compacted(content)))
        self.assertEqual(written["common"], {"time_unit": "ms"})
        for row in rows:
            del row["name"]
        self.assertEqual(compact.expanded(written), content)
        nameless = {"context": {}, "benchmarks": [{"name": "a"}, {"name": "b", "run_name": "c"}]}
        self.assertEqual([row["name"] for row in compact.expanded(compact.compacted(nameless))["benchmarks"]], ["a", "b"])
        empty = compact.compacted({"context": {}, "benchmarks": []})
        self.assertEqual(compact.expanded(json.loads(compact.text_of(empty))), {"context": {}, "benchmarks": []})

    def test_a_bad_file_is_named(self) -> None:
        for content in ("{", "[]", '{"context": {}}', '{"context": {}, "benchmarks": [{"name": "cpu/x"}]}'):
            (self.results / "x").mkdir(exist_ok=True)
            (self.results / "x/suite.json").write_text(content, encoding="utf-8")
            status, said = self.call()
            self.assertEqual(status, 2)
            self.assertIn("x/suite.json", said)


class Page(Folder):
    def test_every_section_is_there_and_the_rest_of_the_page_stays(self) -> None:
        self.put_all()
        self.assertEqual(self.call(), (0, ""))
        text = self.text()
        self.assertTrue(text.startswith(f"# Title\n\n{report.BEGIN}\n"))
        self.assertTrue(text.endswith(f"{report.END}\n\nThe end.\n"))
        self.assertNotIn("old", text)
        self.assertIn("- [Some CPU](results/some-cpu.md). On 1 of 1 jobs scorematch is faster than the fastest", text)
        text = self.device_text()
        self.assertTrue(text.startswith(f"# Some CPU\n\n{report.GENERATED}\n"))
        self.assertFalse([line for line in text.splitlines() if len(line) > 100 and not line.startswith(("|", "!["))])
        for line in (
                f"| `{DSM}` | 21.0 | 50 % | `torch-compile` | 1.50 (1.40 … 1.60) "
                "| `jax-jit` | 2.00 (1.75 … 2.25) |",
                "On 1 of 1 jobs scorematch is faster than the fastest form of every peer.",
                f"| `cpu/{DSM}` | 20.0 | 10 % | 205 k | 10.0 | 50 % |",
                "| `fma` | 10.0 | 0 % | 110 |",
                "| `adam/P:1000` | 0.00200 | 50 % | 2.00 |",
                "| `cpu/dsm/score/d:64/H:128/L:3` | N | 64 … 4,096 | 2 | 1.00 | 1.00 | 1 |",
                f"| `{SSM}` | `torch-jvp` | `not supported \\| <! -- results: end -->` |"):
            self.assertIn(line, text)
        tables_shown = sum(line.startswith("|---") for line in text.splitlines())
        self.assertEqual(tables_shown, 6)
        origin = "Some CPU; cpu: 2 threads; 2001-02-03T04:05:06+00:00; commit abc1234."
        self.assertEqual(text.count(origin), tables_shown)

    def test_the_same_results_give_the_same_bytes(self) -> None:
        self.put_all()
        self.call()
        first = self.text(), self.device_text()
        self.call()
        self.assertEqual((self.text(), self.device_text()), first)

    def test_missing_files_leave_their_sections_out(self) -> None:
        self.put("peers", aggregates(f"cpu/{DSM}", 21, 20, 22), device="b-machine")
        self.put("growth", [], device="a-machine")
        (self.results / "c-machine").mkdir()
        self.assertEqual(self.call()[0], 0)
        self.assertEqual(self.text().count("- [Some CPU](results/"), 2)
        text = self.device_text("b-machine")
        self.assertIn(f"| `{DSM}` | 21.0 | – | – | – | – |", text)
        self.assertIn("No peer was timed.", text)
        self.assertNotIn("How cost grows", text + self.device_text("a-machine"))
        self.assertNotIn("Every objective", text)

    def test_without_results_the_page_says_so(self) -> None:
        self.assertEqual(self.call()[0], 0)
        self.assertIn("No results have been recorded yet.", self.text())
        self.results.rmdir()
        self.assertEqual(self.call()[0], 2)

    def test_markers_that_lack_are_an_error_and_the_page_stays(self) -> None:
        self.put_all()
        for page in ("# Title\n", f"{report.BEGIN}\n", f"{report.END}\n{report.BEGIN}\n",
                     f"{report.BEGIN}\n" * 2 + report.END):
            self.page.write_text(page, encoding="utf-8")
            status, said = self.call()
            self.assertEqual(status, 2)
            self.assertIn("results: ", said)
            self.assertEqual(self.text(), page)

    def test_check_fails_until_the_page_is_up_to_date_and_writes_nothing(self) -> None:
        self.put_all()
        before = self.text()
        status, said = self.call("--check")
        self.assertEqual(status, 1)
        self.assertIn("run report.py", said)
        self.assertEqual(self.text(), before)
        self.call()
        self.assertEqual(self.call("--check"), (0, ""))
        self.put("growth", [])
        self.assertEqual(self.call("--check")[0], 1)

    def test_pages_of_devices_without_results_go_and_others_stay(self) -> None:
        self.put_all()
        self.call()
        other = self.root / "docs/results/notes.md"
        other.write_text("# Notes\n", encoding="utf-8")
        (self.results / "some-cpu").rename(self.results / "another-cpu")
        self.assertEqual(self.call("--check")[0], 1)
        self.assertEqual(self.call(), (0, ""))
        self.assertEqual(sorted(path.name for path in other.parent.iterdir()), ["another-cpu.md", "notes.md"])
        self.assertEqual(self.call("--check"), (0, ""))


@unittest.skipUnless(importlib.util.find_spec("matplotlib"), "matplotlib is not installed")
class Drawing(Folder):
    def test_plots_are_the_same_bytes_and_the_page_links_to_each(self) -> None:
        self.put_all()
        self.assertEqual(self.call(plots=True), (0, ""))
        drawn = {path.name: path.read_bytes() for path in self.plots.rglob("*.svg")}
        self.assertEqual(sorted(drawn), ["some-cpu-batch.svg", "some-cpu-floor.svg", "some-cpu-peers.svg",
                                         "some-cpu-speed.svg"])
        for name in drawn:
            self.assertIn(f"](../plots/some-cpu/{name})", self.device_text())
        self.assertEqual(self.call("--check", plots=True), (0, ""))
        self.call(plots=True)
        self.assertEqual({path.name: path.read_bytes() for path in self.plots.rglob("*.svg")}, drawn)

    def test_jobs_of_one_thread_are_held_against_those_of_all(self) -> None:
        self.put("suite", aggregates(f"cpu/{DSM}", 20, 19, 21) + aggregates(f"cpu-1/{DSM}", 36, 36, 36)
                 + aggregates(f"cpu-1/{SSM}", 36, 36, 36))
        self.call()
        self.assertIn(f"| `{DSM}` | 36.0 | 20.0 | 1.80 |", self.device_text())
        self.assertNotIn(f"| `{SSM}` | 36.0 | ", self.device_text())

    def test_the_reference_engine_has_no_plot_of_floors(self) -> None:
        self.put("suite", aggregates(f"reference/{DSM}", 20, 19, 21, floor_share=0.02))
        self.call(plots=True)
        self.assertIn(f"| `reference/{DSM}` | 20.0 |", self.device_text())
        self.assertEqual(list(self.plots.rglob("*.svg")), [])

    def test_check_misses_a_plot_and_old_ones_go(self) -> None:
        self.put_all()
        self.call(plots=True)
        (self.plots / "some-cpu/some-cpu-floor.svg").unlink()
        status, said = self.call("--check", plots=True)
        self.assertEqual(status, 1)
        self.assertIn("some-cpu-floor.svg", said)
        self.put("growth", [])
        self.call(plots=True)
        self.assertFalse((self.plots / "some-cpu/some-cpu-batch.svg").exists())


if __name__ == "__main__":
    unittest.main()
