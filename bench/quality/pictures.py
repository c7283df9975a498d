"""One small PNG per data set: the data next to the samples of a model."""
from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from data_set import DataSet, Rows

sys.path.append(str(Path(__file__).parents[1] / "output"))
from figures import pyplot, save

DATA_COLOR, SAMPLE_COLOR, TRUTH_COLOR = "#595959", "#0072B2", "#D55E00"
POINTS = 1500  # in a scatter plot: enough to show the shape, few enough for a small file


def file_name(job: str) -> str:
    """Differs from the names of all other pictures in the documentation: the site has them all in one folder."""
    return f"quality-{job.replace('+', '-')}.png"


def draw_set(data_set: DataSet, job: str, training: Rows, samples: Rows, folder: Path) -> None:
    dim = training.shape[1]
    draw = draw_line if dim == 1 else draw_plane if dim == 2 else draw_columns if dim <= 8 else draw_covariance
    save(draw(data_set, training, samples), folder / file_name(job))


def draw_line(data_set: DataSet, training: Rows, samples: Rows) -> Any:
    figure, axes = pyplot().subplots(figsize=(5, 2.2))
    low, high = training.min(), training.max()
    low, high = low - 0.1 * (high - low), high + 0.1 * (high - low)
    bins = np.linspace(low, high, 81)
    axes.hist(training[:, 0], bins, density=True, color="#BBBBBB", label="data")
    axes.hist(samples[:, 0], bins, density=True, histtype="step", color=SAMPLE_COLOR, label="samples")
    if data_set.log_density:
        x = np.linspace(low, high, 400)
        axes.plot(x, np.exp(data_set.log_density(x[:, None])), color=TRUTH_COLOR, linewidth=0.8, label="true density")
    axes.legend()
    return figure


def draw_plane(data_set: DataSet, training: Rows, samples: Rows) -> Any:
    """Both in the same window, which covers all but 0.2 % of the data in each column, with a margin."""
    figure, panels = pyplot().subplots(1, 2, figsize=(5, 2.6), sharex=True, sharey=True)
    low, high = np.quantile(training, 0.001, axis=0), np.quantile(training, 0.999, axis=0)
    margin = 0.15 * (high - low)
    random = np.random.default_rng(0)
    for axes, rows, color, title in ((panels[0], training, DATA_COLOR, "data"), (panels[1], samples, SAMPLE_COLOR, "samples")):
        shown = rows[random.permutation(len(rows))[:POINTS]] - (low + high) / 2
        axes.scatter(shown[:, 0], shown[:, 1], s=1, color=color, linewidths=0)
        half = (high - low) / 2 + margin
        axes.set(xlim=(-half[0], half[0]), ylim=(-half[1], half[1]), title=title, xticks=[], yticks=[])
        if half.max() < 3 * half.min():
            axes.set_aspect("equal", adjustable="box")
    return figure


def draw_columns(data_set: DataSet, training: Rows, samples: Rows) -> Any:
    """Quantiles of each column, plotted against each other."""
    dim = training.shape[1]
    figure, panels = pyplot().subplots(1, dim, figsize=(1.5 * dim, 1.7))
    at = np.linspace(0.005, 0.995, 100)
    for column, axes in enumerate(panels):
        of_data, of_samples = np.quantile(training[:, column], at), np.quantile(samples[:, column], at)
        axes.plot(of_data, of_data, color="#BBBBBB", linewidth=0.8)
        axes.plot(of_data, of_samples, ".", color=SAMPLE_COLOR, markersize=2)
        axes.set(xticks=[], yticks=[], title=data_set.header[column] if data_set.header else f"column {column + 1}")
    panels[0].set(xlabel="quantiles of the data", ylabel="of the samples")
    return figure


def draw_covariance(data_set: DataSet, training: Rows, samples: Rows) -> Any:
    """Left: the standard deviation along each principal axis of a large sample of the true distribution. Right: every entry of the
    covariance (up to a few thousand)."""
    figure, (left, right) = pyplot().subplots(1, 2, figsize=(5, 2.3))
    truth = np.cov(data_set.fresh(0, 20_000), rowvar=False)
    model = np.cov(samples.astype(np.float64), rowvar=False)
    values, axes = np.linalg.eigh(truth)
    left.plot(np.sqrt(values[::-1]), color=TRUTH_COLOR, linewidth=0.8, label="truth")
    left.plot(np.sqrt(np.einsum("ji,jk,ki->i", axes, model, axes))[::-1], ".", color=SAMPLE_COLOR, markersize=2, label="samples")
    left.set(title="deviation along principal axes", yscale="log")
    left.legend()
    chosen = np.random.default_rng(0).permutation(truth.size)[:2000]
    right.plot(truth.ravel()[chosen], truth.ravel()[chosen], color="#BBBBBB", linewidth=0.8)
    right.plot(truth.ravel()[chosen], model.ravel()[chosen], ".", color=SAMPLE_COLOR, markersize=1)
    right.set(title="entries of the covariance", xlabel="truth", ylabel="samples")
    return figure


def draw_digits(job: str, samples: Rows, folder: Path, columns: int = 20, lines: int = 5) -> None:
    side = int(round(np.sqrt(samples.shape[1])))
    sheet = samples[:columns * lines].reshape(lines, columns, side, side)
    sheet = np.pad(sheet, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=samples.min()).transpose(0, 2, 1, 3)
    figure, axes = pyplot().subplots(figsize=(5, 1.35))
    axes.imshow(sheet.reshape(lines * (side + 1), columns * (side + 1)), cmap="gray", interpolation="nearest")
    axes.set_axis_off()
    save(figure, folder / file_name(job))
