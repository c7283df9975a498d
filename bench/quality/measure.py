"""One model: writes the data, trains, samples, computes likelihoods, and measures the results."""
from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import digits
import metrics
import pictures
from catalog import DIGITS, data_sets, split_job
from command import Command, CommandError, recorded_options
from data_set import DataSet, Rows
from result import Result


@dataclass(frozen=True)
class Effort:
    """Limits the work, for a quick look."""
    timed: bool = True  # no other model is trained at the same time, so training times can be compared with their bound
    blocks: int | None = None  # None: the data set decides
    likelihood_rows: int | None = None  # an upper limit; None: the data set decides


@dataclass(frozen=True)
class Place:
    out: Path  # a folder per model below it
    digits: Path  # the file
    pictures: Path | None  # where pictures go; None: no pictures


def measure(command: Command, job: str, seed: int, effort: Effort, place: Place) -> Result:
    """A failure of the command is also a result. Deletes large files afterwards."""
    result = Result(job, seed, timed=effort.timed)
    folder = place.out / job / str(seed)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        if split_job(job)[0] == DIGITS:
            measure_digits(command, result, folder, place)
        else:
            measure_set(command, result, folder, effort, place)
    except CommandError as error:
        result.failure = str(error)
    for each in ("data.npy", "data.csv", "samples.npy", "fresh.npy", "fresh.csv", "log_density.npy"):
        (folder / each).unlink(missing_ok=True)
    return result


def train_and_sample(command: Command, result: Result, data: Path, folder: Path, count: int) -> Rows:
    """@throws CommandError also if samples are not finite"""
    result.train_seconds = command.train(data, folder, result.seed, split_job(result.job)[1])
    result.options = recorded_options(folder / "model.safetensors")
    result.sample_seconds = command.sample(folder, folder / "samples.npy", count, result.seed)
    samples = np.load(folder / "samples.npy")
    samples = samples.reshape(len(samples), -1)
    bad = int((~np.isfinite(samples)).any(axis=1).sum())
    if bad:
        raise CommandError(f"{bad} of {count} samples are not finite")
    return samples


def measure_set(command: Command, result: Result, folder: Path, effort: Effort, place: Place) -> None:
    data_set = data_sets()[split_job(result.job)[0]]
    training = data_set.training_set(result.seed)
    data = folder / f"data.{data_set.extension()}"
    data_set.write(data, training)
    blocks = effort.blocks or data_set.blocks
    samples = train_and_sample(command, result, data, folder, blocks * metrics.BLOCK)
    if place.pictures:
        pictures.draw_set(data_set, result.job, training, samples, place.pictures)

    distances = metrics.compare(data_set, result.seed, training, samples, blocks)
    result.ratio, result.best_ratio = distances.ratio, distances.best_ratio
    result.few = data_set.few
    if data_set.modes:
        expected = metrics.weights_of(data_set.modes, training) if data_set.few else None
        errors = metrics.mode_errors(data_set.modes, samples, training, expected)
        result.weight_error, result.weight_excess, result.spread_error = errors.weight, errors.weight_excess, errors.spread
    if data_set.log_density:
        measure_likelihood(command, result, data_set, folder, effort)


def measure_likelihood(command: Command, result: Result, data_set: DataSet, folder: Path, effort: Effort) -> None:
    rows = data_set.fresh(result.seed, min(effort.likelihood_rows or data_set.likelihood_rows, data_set.likelihood_rows))
    fresh, out = folder / f"fresh.{data_set.extension()}", folder / "log_density.npy"
    data_set.write(fresh, rows)
    result.likelihood_seconds = command.likelihood(folder, fresh, out)
    result.likelihood_dim = rows.shape[1]
    result.log_density_error = metrics.log_density_error(np.load(out).reshape(-1).astype(np.float64),
                                                         data_set.log_density(rows), rows.shape[1])


def measure_digits(command: Command, result: Result, folder: Path, place: Place) -> None:
    all_digits = digits.read(place.digits)
    training = digits.split(all_digits, result.seed, 0, digits.TRAINING)
    np.save(folder / "data.npy", training.astype(np.uint8).reshape(-1, digits.SIDE, digits.SIDE))
    samples = train_and_sample(command, result, folder / "data.npy", folder, digits.SAMPLES)
    if place.pictures:
        pictures.draw_digits(result.job, samples, place.pictures)
    likeness = digits.compare(all_digits, result.seed, samples.astype(np.float64))
    result.ratio, result.to_held_out, result.to_training = likeness.wasserstein, likeness.to_held_out, likeness.to_training
