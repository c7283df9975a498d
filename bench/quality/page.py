"""The page docs/quality.md, made from a record, and the table that is also printed."""
from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

import criteria
import pictures
from catalog import CHECKING_SEEDS, DIGITS, ENERGY, TUNING_SEEDS, data_sets, split_job
from result import Record, Result

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "quality.md"
PICTURES = DOCS / "images/quality"
ABSENT = "–"


def title_of(job: str) -> str:
    name, net = split_job(job)
    title = "handwritten digits, 8 x 8" if name == DIGITS else data_sets()[name].title
    return title + (", energy net" if net == ENERGY else "")


def worst(results: Sequence[Result], value: Callable[[Result], float | None], form: str) -> str:
    """The value that is largest in magnitude."""
    values = [each for each in map(value, results) if each is not None]
    return format(max(values, key=abs), form) if values else ABSENT


def cells(job: str, results: Sequence[Result]) -> list[str]:
    median = criteria.median_ratio(results)
    best = [each.best_ratio for each in results if each.best_ratio is not None]
    return [job, ABSENT if median is None else f"{median:.2f}", worst(results, lambda each: each.ratio, ".2f"),
            f"{statistics.median(best):.2f}" if best else ABSENT, worst(results, lambda each: each.weight_error, ".3f"),
            worst(results, lambda each: each.spread_error and 100 * each.spread_error, ".1f"),
            worst(results, lambda each: each.log_density_error, "+.3f"), worst(results, lambda each: each.train_seconds, ".0f"),
            worst(results, lambda each: each.sample_seconds, ".0f"), "**fail**" if criteria.job_faults(results) else "pass"]


HEAD = ["data", "ratio, median", "worst", "of the truth", "mode weight", "mode spread, %", "ln p, nats/dim", "training, s",
        "sampling, s", ""]


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Aligned, so that it can be read on a terminal too."""
    widths = [max(len(row[column]) for row in [HEAD, *rows]) for column in range(len(HEAD))]
    def text(row: Sequence[str]) -> str:
        return "| " + " | ".join(value.ljust(width) if column == 0 else value.rjust(width)
                                 for column, (value, width) in enumerate(zip(row, widths))) + " |"
    rule = "|" + "|".join("-" * (width + 2) if column == 0 else "-" * (width + 1) + ":" for column, width in enumerate(widths)) + "|"
    return [text(HEAD), rule, *map(text, rows)]


def summary(record: Record) -> list[str]:
    return table([cells(job, record.of(job)) for job in record.jobs()])


def digits_lines(record: Record) -> list[str]:
    results = record.of(DIGITS)
    measured = [each for each in results if each.to_held_out is not None]
    if not measured:
        return []
    return [f"Of the digits, the worst distance to the nearest held-out digit is {max(each.to_held_out for each in measured):.2f}, "
            f"and the least distance to the nearest training digit {min(each.to_training for each in measured):.2f}, both in "
            "units of the same for real digits.", ""]


def option_lines(record: Record) -> list[str]:
    """The options that the models record: those that all share, and those that follow from the data."""
    recorded = [each.options for each in record.results if each.options]
    if not recorded:
        return []
    names = sorted(set().union(*recorded) - {"data", "seed", "net", "skipped_in_a_row"})
    of_each = {name: sorted({options.get(name, ABSENT) for options in recorded}) for name in names}
    same = [f"`--{name} {values[0]}`" for name, values in of_each.items() if len(values) == 1]
    lines = ["The models record these options of `train`: " + ", ".join(same) + "."]
    differ = [f"`--{name}` ({', '.join(values[:8])}{', ...' if len(values) > 8 else ''})" for name, values in of_each.items()
              if len(values) > 1]
    if differ:
        lines.append("These depend on the data or the network: " + ", ".join(differ) + ".")
    return wrapped(" ".join(lines)) + [""]


def wrapped(text: str, width: int = 100) -> list[str]:
    import textwrap
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def method() -> list[str]:
    c = criteria
    return [
        "Each model is trained by `scorematch train DATA -o DIR --seed S` and drawn from by `scorematch sample`, with no other",
        "option than `--net energy` for energy nets. The data come from known distributions, 4,000 training rows unless the",
        "name says otherwise. Everything is measured against fresh rows that no model has seen:",
        "",
        "- **ratio**: the sliced Wasserstein distance (W1, mean of 64 fixed directions; columns in standard deviations) between",
        "  4,000 samples and 4,000 fresh rows, over the same distance of 4,000 rows drawn with replacement from the training",
        "  set. Both are means over all pairs of 20 blocks with 20 blocks of fresh rows (10 in 64 dimensions, 5 in 300). A model",
        "  that repeats its training rows has the ratio 1. The column *of the truth* is what other fresh rows score: no model",
        "  does better.",
        "  Bounds: {c.MEDIAN_RATIO} for the median over the seeds, {c.LARGEST_RATIO:g} for each.",
        "- **mode weight**: where the distribution has separate modes, the largest error of a mode's weight. Bound: 0.04, and",
        "  half the weight for light modes.",
        f"- **mode spread**: the largest relative error of a mode's standard deviation. Bound: {100 * c.SPREAD:g} %.",
        "- **ln p**: the mean of ln p of `scorematch likelihood` minus the true ln p on fresh rows. The noise level at which the",
        f"  model's density is evaluated counts as part of the model. Bounds: {c.LOG_DENSITY_PLANE} nats per dimension in one and two",
        f"  dimensions, {c.LOG_DENSITY_MORE} in 16 and 64. It is not measured in 300.",
        f"- **training**: seconds, at most {c.TRAIN_SECONDS:g} on two cores.",
        "- **digits**: the ratio is that of the sliced W2 distances of samples and of real digits to held-out digits, at most",
        f"  {c.DIGITS_WASSERSTEIN}. The distance to the nearest held-out digit is at most {c.DIGITS_TO_HELD_OUT} and to the nearest training digit at least",
        f"  {c.DIGITS_TO_TRAINING}, in units of the same for real digits.",
        "",
        "With 200 training rows the ratio is easier to reach, as the training rows are themselves a poor sample. They also fix",
        "neither a mode's spread nor the density, so these are shown and not held to bounds, and weights are compared with those",
        "of the training rows.",
        "",
        f"Seeds {', '.join(map(str, CHECKING_SEEDS))} make this page. Defaults are tuned on seeds {', '.join(map(str, TUNING_SEEDS))} only; each seed has data, a "
        "split, parameters and noise of its own.",
        ""]


def write(record: Record, path: Path = PAGE, picture_folder: Path = PICTURES) -> None:
    wrong = criteria.record_faults(record)
    options = [f" with `train {' '.join(record.train_options)}`" if record.train_options else "",
               f" and `sample {' '.join(record.sample_options)}`" if record.sample_options else ""]
    lines = ["# What the defaults learn", "",
             *wrapped(f"{len(record.jobs())} kinds of data and networks, seeds {', '.join(map(str, record.seeds))}"
                      f"{''.join(options)}: {'every criterion passes' if not wrong else f'{len(wrong)} criteria fail'}. "
                      f"Measured on {record.device} at commit {record.commit}, in {record.seconds / 60:.0f} minutes, by"),
             "", "    ./dev quality", "", *summary(record), "", *digits_lines(record)]
    if wrong:
        lines += ["What fails:", "", *(f"- {fault}" for fault in wrong), ""]
    lines += ["## What is measured", "", *method(), "## The defaults", "", *option_lines(record), "## Pictures", "",
              f"Seed {record.seeds[0]} of each: the data beside as many samples.", ""]
    for job in record.jobs():
        if (picture_folder / pictures.file_name(job)).is_file():
            lines += [f"`{job}`: {title_of(job)}", "",
                      f"![{title_of(job)}: data and samples](images/quality/{pictures.file_name(job)})", ""]
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
