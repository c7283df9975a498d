"""The plots of a device: their titles, their alternative texts, and how each is drawn.

Which plots exist follows from the results alone, so that the page can link to them without drawing any. File names begin
with the device's, because documentation tools put all images into one folder.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import canvas
import growth
from growth import Series
from job_plots import draw_floor, draw_peers, draw_speed, with_floor
from results import Device

NAMES = {"esm": "explicit (ESM)", "ism": "implicit, exact trace (ISM)", "dsm": "denoising (DSM)", "ssm": "sliced (SSM)",
         "ssm_vr": "sliced, less variance (SSM-VR)"}


@dataclass(frozen=True)
class Plot:
    """One plot: `section` is the part of the page it belongs to."""
    file: str
    section: str
    title: str
    alt: str
    draw: Callable[[Any, Device, str], Any]


_GROWTH = {
    "N": ("batch", "Time of a step against the batch", "batch size N, samples"),
    "M": ("directions", "Time of a sliced step against the number of directions", "directions per sample, M"),
    "d": ("dimension", "Time of a step against the data's dimension: exact trace and slices",
          "dimension of the data, d"),
    "H": ("width", "Time of a step against the network's width", "units in a hidden layer, H"),
}


def planned(device: Device) -> list[Plot]:
    plots = []

    def add(name: str, *rest: Any) -> None:
        plots.append(Plot(f"{device.folder}-{name}.svg", *rest))

    if device.peers and any(row.job for row in device.peers.ratios):
        add("speed", "answer", "Time of a step, relative to scorematch",
            "Time of the fastest form of PyTorch and of JAX over the time of scorematch, by job", draw_speed)
        add("peers", "answer", "How many times as long PyTorch and JAX take",
            "Ratios of every peer's time to scorematch's, by job, on a log scale; right of 1 scorematch is faster",
            draw_peers)
    if device.suite and with_floor(device.suite):
        add("floor", "objectives", "How near each job comes to the least time it can take",
            "Fraction of the floor by job and engine; 100 % is the least time", draw_floor)
    series = growth.find_series(device.growth.rows) if device.growth else []
    for axis, (name, title, label) in _GROWTH.items():
        if any(each.axis == axis for each in series):
            add(name, "growth", title, f"{title}: milliseconds against {label}, both on log scales, with theory dashed",
                lambda plt, of, title, axis=axis, label=label: draw_growth(plt, of, title, axis, label))
    return plots


def draw_all(devices: list[Device], folder: Path) -> None:
    """Draws what is planned, and deletes what an earlier run drew and this one did not."""
    plt = canvas.pyplot()
    for device in devices:
        plots, place = planned(device), folder / device.folder
        for old in set(place.glob(f"{device.folder}-*.svg")) - {place / plot.file for plot in plots}:
            old.unlink()
        for plot in plots:
            canvas.save(plt, plot.draw(plt, device, plot.title), place / plot.file)


def _label(series: Series) -> str:
    """The objective and net in words, then the sizes."""
    job = series.jobs[0]
    sizes = " ".join(series.stem.split("/")[2:])
    return f"{NAMES[job.objective]}, {job.net} net; {sizes}"


def _theory(series: Series) -> tuple[list[float], list[float]]:
    """The counted FLOP over the whole axis, scaled to meet the last point. Where the measured line is above it, fixed
    costs per call show, or sizes that suit the machine less."""
    first, last = series.xs[0], series.xs[-1]
    xs = [first * (last / first) ** (i / 24) for i in range(25)]
    counts = growth.counts_along(series, xs)
    return xs, [series.times[-1] * 1e3 * count / counts[-1] for count in counts]


def draw_growth(plt: Any, device: Device, title: str, axis: str, label: str) -> Any:
    """One panel per engine, one above the other on the same axes, each with a legend below."""
    file = device.growth
    assert file
    series = [s for s in growth.find_series(file.rows) if s.axis == axis]
    engines = sorted({s.engine for s in series})
    rows = [sum(s.engine == engine for s in series) + 1 for engine in engines]
    heights = [3.45 + 0.17 * count for count in rows]
    total = sum(heights) + 0.5
    figure = plt.figure(figsize=(canvas.WIDTH, total))
    xs, ys = [x for s in series for x in s.xs], [1e3 * t for s in series for t in s.times]
    top = total - 0.5
    for engine, height in zip(engines, heights):
        axes = figure.add_axes((0.11, (top - 0.25 - 2.65) / total, 0.84, 2.65 / total))
        axes.set_title(f"engine {engine}", loc="left")
        for i, each in enumerate(s for s in series if s.engine == engine):
            color, marker = canvas.COLORS[i % 7], canvas.MARKERS[(i + i // 7) % 7]
            axes.plot(each.xs, [1e3 * t for t in each.times], color=color, marker=marker, label=_label(each))
            axes.plot(*_theory(each), color=color, linestyle=(0, (4, 3)), linewidth=1, alpha=0.7)
        axes.plot([], [], color=canvas.GREY, linestyle=(0, (4, 3)), linewidth=1, label=_said(axis))
        axes.set_xlabel(label)
        axes.set_ylabel("time of a step, ms")
        axes.set(xlim=(min(xs) / 1.3, max(xs) * 1.3), ylim=(min(ys) / 1.6, max(ys) * 1.6))
        canvas.logarithmic(axes, "x", ticks=xs)
        canvas.logarithmic(axes, "y")
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.42 / 2.65), borderaxespad=0, handlelength=3,
                    labelspacing=0.25)
        top -= height
    canvas.head(figure, title, file.source)
    return figure


def _said(axis: str) -> str:
    tends = {"N": "proportional to N", "M": "a + b M", "d": "in the end d for slices, d² for the exact trace",
             "H": "in the end H²"}[axis]
    return f"theory: the counted FLOP ({tends}), through the last point"
