"""Makes the page docs/quality.md from a record, and the table that is also printed."""
from __future__ import annotations

import statistics
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import criteria
import pictures
from catalog import CHECKING_SEEDS, DIGITS, ENERGY, TUNING_SEEDS, data_sets, split_job
from metrics import WEIGHT_BOUND
from result import Record, Result

sys.path.append(str(Path(__file__).parents[1] / "output"))
from aligned import table

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "quality.md"
PICTURES = DOCS / "images/quality"
ABSENT = "–"


def title_of(job: str) -> str:
    name, net = split_job(job)
    title = "handwritten digits, 8 x 8" if name == DIGITS else data_sets()[name].title
    return title + (", energy net" if net == ENERGY else "")


def worst(results: Sequence[Result], value: Callable[[Result], float | None], form: str) -> str:
    """The value with the largest magnitude."""
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


def summary(record: Record) -> list[str]:
    return table(HEAD, [cells(job, record.of(job)) for job in record.jobs()])


def digits_lines(record: Record) -> list[str]:
    results = record.of(DIGITS)
    measured = [each for each in results if each.to_held_out is not None]
    if not measured:
        return []
    return [*wrapped("Digits: the largest distance to the nearest held-out digit is "
                     f"{max(each.to_held_out for each in measured):.2f}, the smallest to the nearest training digit "
                     f"{min(each.to_training for each in measured):.2f}, in units of the same distance for real digits."), ""]


def option_lines(record: Record) -> list[str]:
    """The options that the models record: those common to all, and those that depend on the data."""
    recorded = [{name: value for name, value in each.options.items() if value} for each in record.results if each.options]
    if not recorded:
        return []
    names = sorted(set().union(*recorded) - {"data", "seed", "net", "skipped_in_a_row"})
    of_each = {name: sorted({options.get(name, ABSENT) for options in recorded}) for name in names}
    same = [f"`--{name} {values[0]}`" for name, values in of_each.items() if len(values) == 1]
    lines = ["All models record these options of `train`: " + ", ".join(same) + "."] if same else []
    differ = [f"`--{name}` ({', '.join(values[:8])}{', ...' if len(values) > 8 else ''})" for name, values in of_each.items()
              if len(values) > 1]
    if differ:
        lines.append("These differ between models: " + ", ".join(differ) + ".")
    return wrapped(" ".join(lines)) + [""]


def wrapped(text: str, width: int = 100) -> list[str]:
    """Wraps text into lines. Lines of a list item are indented."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False,
                         subsequent_indent="  " if text.startswith("- ") else "")


def method() -> list[str]:
    c = criteria
    return [*wrapped(
        "Each model is trained by `scorematch train DATA -o DIR --seed S` and sampled by `scorematch sample`, with no other option "
        "than `--net energy` for energy nets. The data come from known distributions, with 4,000 training rows unless the title "
        "says otherwise. Everything is measured against fresh rows that no model has seen."), "", *wrapped(
        "- **Ratio**: the sliced Wasserstein distance (W1) between 4,000 samples and 4,000 fresh rows, over the distance between "
        "4,000 rows drawn with replacement from the training set and 4,000 fresh rows. Columns are in standard deviations. The "
        "64 directions depend on the true distribution alone: evenly spaced in the plane; in more dimensions half are random and "
        "half principal axes. Both distances are means over all pairs of 20 blocks with 20 blocks of fresh rows (10 in 64 "
        "dimensions, 5 in 300). A model that repeats its training rows has ratio 1. The column *of the truth* is what "
        "independent rows of the true distribution score, which is the best that a model can do. "
        f"Bounds: {c.MEDIAN_RATIO:g} for the median over the seeds, {c.LARGEST_RATIO:g} for each."), *wrapped(
        "- **Mode weight**: the largest error of a mode's weight, where the distribution has separate modes. Bound: "
        f"{WEIGHT_BOUND:g}, or half of the weight for light modes."), *wrapped(
        f"- **Mode spread**: the largest relative error of a mode's standard deviation. Bound: {100 * c.SPREAD:g} %."), *wrapped(
        "- **ln p**: the mean over fresh rows of ln p by `scorematch likelihood` minus the true ln p. The noise level at which "
        f"the model's density is evaluated counts as part of the model. Bounds: {c.LOG_DENSITY_PLANE:g} nats per dimension in one "
        f"and two dimensions, {c.LOG_DENSITY_MORE:g} in 16 and 64. It is not measured in 300."), *wrapped(
        f"- **Training**: seconds, at most {c.TRAIN_SECONDS:g} on two cores."), *wrapped(
        "- **Digits**: the ratio is the sliced W2 distance from samples to held-out digits, over that from real digits to "
        f"held-out digits, with the bounds of the others. The mean distance to the nearest held-out digit is at most "
        f"{c.DIGITS_TO_HELD_OUT:g}, and to the nearest training digit at least {c.DIGITS_TO_TRAINING:g}, in units of the same "
        "distance for real digits."), "", *wrapped(
        "200 training rows do not determine a mode's weight, its spread, or the density. With them, weights are compared with "
        f"those of the training rows, the bound of the mode spread is {100 * c.SPREAD_FEW:g} %, and ln p has no bound."), "",
        *wrapped(
            f"The results above use seeds {', '.join(map(str, CHECKING_SEEDS))}. Defaults may be tuned on seeds "
            f"{', '.join(map(str, TUNING_SEEDS))} only. Each seed has its own data, split, initial parameters, and noise."), ""]


def write(record: Record, path: Path = PAGE, picture_folder: Path = PICTURES) -> None:
    wrong = criteria.record_faults(record)
    options = [f" with `train {' '.join(record.train_options)}`" if record.train_options else "",
               f" and `sample {' '.join(record.sample_options)}`" if record.sample_options else ""]
    seeds = ",".join(map(str, record.seeds))
    given = "" if list(record.seeds) == list(CHECKING_SEEDS) else f" --seeds {seeds}"
    lines = ["# What the defaults learn", "",
             *wrapped(f"{len(record.jobs())} kinds of data and networks, seed{'s' * (len(record.seeds) > 1)} {seeds}"
                      f"{''.join(options)}: {'every criterion passes' if not wrong else f'{len(wrong)} criteria fail'}. "
                      f"Measured on {record.device} at commit {record.commit}, in {record.seconds / 60:.0f} minutes, by"),
             "", f"    ./dev quality{given}", "", *summary(record), "", *digits_lines(record)]
    if wrong:
        lines += ["What fails:", "", *(f"- {fault}" for fault in wrong), ""]
    lines += ["## What is measured", "", *method(), "## The defaults", "", *option_lines(record), "## Pictures", "",
              f"Seed {record.seeds[0]} of each: the data beside as many samples.", ""]
    for job in record.jobs():
        if (picture_folder / pictures.file_name(job)).is_file():
            lines += [f"`{job}`: {title_of(job)}", "",
                      f"![{title_of(job)}: data and samples](images/quality/{pictures.file_name(job)})", ""]
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
