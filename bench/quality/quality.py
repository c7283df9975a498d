#!/usr/bin/env python3
"""What the command learns with its defaults. Trains on data with known distributions, samples, and measures how far the samples
are from the true distribution. Prints one line per model, then a table with pass or fail. Exits with 1 if a criterion fails.

    quality.py --command build/release/bin/scorematch [--sets circle,eight+energy] [--seeds 3,4,5] [--quick]
"""
from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

try:
    import numpy as np  # noqa: F401
except ImportError:
    print("skipped: NumPy is not installed (Debian: python3-numpy)")
    sys.exit(77)  # ctest: skipped

import criteria
import page
from catalog import CHECKING_SEEDS, TUNING_SEEDS, chosen, jobs
from command import Command, cores
from measure import Effort, Place, measure
from result import Record, Result, read_record

ROOT = Path(__file__).resolve().parents[2]
QUICK_SETS = ("circle", "mixture-1d", "gaussian-2")
QUICK_BLOCKS, QUICK_LIKELIHOOD_ROWS = 8, 500


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="quality.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", type=Path, default=ROOT / "build/release/bin/scorematch", help="the binary")
    parser.add_argument("--sets", help="names separated by commas, NAME+energy for energy nets; default: all. Known: " +
                        ", ".join(jobs()))
    parser.add_argument("--seeds", help="seeds of data, training and sampling; the page is made with "
                        f"{','.join(map(str, CHECKING_SEEDS))}, defaults may be tuned on {','.join(map(str, TUNING_SEEDS))}")
    parser.add_argument("--out", type=Path, default=ROOT / "out/quality", help="folder for models and the record (default: out/quality)")
    parser.add_argument("--jobs", type=int, default=1, help="number of models at a time, which share the cores; training times are "
                        "compared with their bound only if this is 1 (default: 1)")
    parser.add_argument("--threads", type=int, help="threads of each call of the command (default: the cores, divided among --jobs)")
    parser.add_argument("--quick", action="store_true", help=f"about a minute: {', '.join(QUICK_SETS)}, one seed, "
                        "fewer samples, training times not compared with their bound")
    parser.add_argument("--blocks", type=int, help="blocks of 4,000 samples, instead of 20 (5 or 10 in many dimensions)")
    parser.add_argument("--train", default="", help='more options of train, for tuning: --train "--steps 3000"')
    parser.add_argument("--sample", default="", help="more options of sample")
    parser.add_argument("--write", action="store_true", help="write the page and its pictures; by default this happens only when "
                        "everything is measured with the seeds of the page and the default options")
    parser.add_argument("--from-record", type=Path, help="measure nothing; print the results in a record (with --write, write them)")
    parser.add_argument("--device", default="unknown", help="name of the processor, for the page")
    parser.add_argument("--commit", default="unknown", help="the measured commit, for the page")
    options = parser.parse_args(given)
    for name, value in (("--jobs", options.jobs), ("--threads", options.threads), ("--blocks", options.blocks)):
        if value is not None and value < 1:
            parser.error(f"{name}: expected a positive number, got {value}")
    try:
        options.sets = chosen(options.sets.split(",") if options.sets else QUICK_SETS if options.quick else jobs())
        seeds = options.seeds.split(",") if options.seeds else CHECKING_SEEDS[:1] if options.quick else CHECKING_SEEDS
        options.seeds = [int(seed) for seed in seeds]
    except ValueError as error:
        parser.error(str(error))
    if any(seed < 0 for seed in options.seeds) or len(set(options.seeds)) < len(options.seeds):
        parser.error(f"--seeds: expected distinct integers >= 0, got {options.seeds}")
    if not options.from_record and not options.command.is_file():
        parser.error(f"--command: expected the scorematch binary, got '{options.command}', which is not a file")
    return options


def line(result: Result) -> str:
    """`ratio 1.12 (best 0.85)` and so on: the measurements, and the criteria that fail."""
    parts = [f"{result.job:<18} seed {result.seed}"]
    if result.ratio is not None:
        parts.append(f"ratio {result.ratio:6.2f}" + (f" (best {result.best_ratio:.2f})" if result.best_ratio is not None else ""))
    parts += [f"{name} {value:{form}}{unit}" for name, value, form, unit in (
        ("to held out", result.to_held_out, ".2f", ""), ("to training", result.to_training, ".2f", ""),
        ("weights", result.weight_error, ".3f", ""), ("spreads", result.spread_error, ".3f", ""),
        ("ln p", result.log_density_error, "+.3f", ""), ("train", result.train_seconds, ".0f", " s"),
        ("sample", result.sample_seconds, ".0f", " s"), ("likelihood", result.likelihood_seconds, ".0f", " s"))
        if value is not None]
    wrong = criteria.faults(result)
    return "  ".join([*parts, "FAIL: " + "; ".join(wrong) if wrong else "ok"])


def run(options: argparse.Namespace, write_pictures: bool) -> Record:
    """Writes each result into the record on disk at once."""
    threads = options.threads or (None if options.jobs == 1 else max(1, cores() // options.jobs))
    command = Command(options.command, tuple(shlex.split(options.train)), tuple(shlex.split(options.sample)), threads)
    record = Record(options.device, options.commit, list(command.train_options), list(command.sample_options), options.seeds,
                    options.blocks)
    quick = options.quick
    effort = Effort(options.jobs == 1 and not quick, options.blocks or (QUICK_BLOCKS if quick else None), QUICK_LIKELIHOOD_ROWS if quick else None)
    began = time.monotonic()
    options.out.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        waiting = []
        for job in options.sets:
            for seed in options.seeds:
                pictures = page.PICTURES if write_pictures and seed == options.seeds[0] else None
                place = Place(options.out, ROOT / "docs/examples/data/digits-8x8.npy", pictures)
                waiting.append(pool.submit(measure, command, job, seed, effort, place))
        for each in as_completed(waiting):
            record.results.append(each.result())
            record.seconds = time.monotonic() - began
            record.write(options.out / "record.json")
            print(line(record.results[-1]), flush=True)
    order = {(job, seed): i for i, (job, seed) in enumerate((job, seed) for job in options.sets for seed in options.seeds)}
    record.results.sort(key=lambda each: order[each.job, each.seed])
    record.write(options.out / "record.json")
    return record


def main(given: Sequence[str]) -> int:
    options = arguments(given)
    whole = options.sets == jobs() and options.seeds == list(CHECKING_SEEDS) and not (
        options.quick or options.blocks or options.train or options.sample or options.threads or options.jobs > 1)
    write = options.write or (whole and not options.from_record)
    record = read_record(options.from_record) if options.from_record else run(options, write)
    print("", *page.summary(record), sep="\n")
    wrong = criteria.record_faults(record)
    print("", f"{len(wrong)} criteria failed" if wrong else "every criterion passed", f"{record.seconds:.0f} s in all", sep="\n")
    if write:
        page.write(record)
        print(page.PAGE)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
