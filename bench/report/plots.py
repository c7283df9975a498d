"""The plots of a device: which there are, what they say in words, and how each is drawn.

Which there are follows from the results alone, so that the page can link to them without drawing any. Files are named
after their device too: documentation tools put all images into one folder.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import canvas
import growth
from growth import Series
from markdown import number
from results import Device, ResultFile, is_ours
from tables import peer_of

NAMES = {"esm": "explicit (ESM)", "ism": "implicit, exact trace (ISM)", "dsm": "denoising (DSM)", "ssm": "sliced (SSM)",
         "ssm_vr": "sliced, less variance (SSM-VR)"}
WIDTH = 7.5  # inches, of every plot


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
    "M": ("directions", "Time of a sliced step against the number of directions", "directions a sample, M"),
    "d": ("dimension", "Time of a step against the data's dimension: exact trace and slices",
          "dimension of the data, d"),
    "H": ("width", "Time of a step against the network's width", "units in a hidden layer, H"),
}


def planned(device: Device) -> list[Plot]:
    plots = []

    def add(name: str, *rest: Any) -> None:
        plots.append(Plot(f"{device.folder}-{name}.svg", *rest))

    if device.peers and any(row.job for row in device.peers.ratios):
        add("peers", "answer", "How many times as long PyTorch and JAX take",
            "Ratios of every peer's time to scorematch's, a row a job, on a log scale; right of 1 scorematch is faster",
            draw_peers)
    if device.suite and _with_floor(device.suite):
        add("floor", "objectives", "How near each job comes to the least time it can take",
            "Bars: share of the floor by job, 100 % being the least time", draw_floor)
    series = growth.find_series(device.growth.rows) if device.growth else []
    for axis, (name, title, label) in _GROWTH.items():
        if any(each.axis == axis for each in series):
            add(name, "growth", title, f"{title}: milliseconds against {label}, both on log scales, with theory dashed",
                lambda plt, of, title, axis=axis, label=label: draw_growth(plt, of, title, axis, label))
    return plots


def draw_all(devices: list[Device], folder: Path) -> None:
    """Draws what is planned, and takes away what an earlier run drew and is not any more."""
    plt = canvas.pyplot()
    for device in devices:
        plots, place = planned(device), folder / device.folder
        for old in set(place.glob(f"{device.folder}-*.svg")) - {place / plot.file for plot in plots}:
            old.unlink()
        for plot in plots:
            canvas.save(plt, plot.draw(plt, device, plot.title), place / plot.file)


def _label(series: Series) -> str:
    """In words what a newcomer tells series by, and then the sizes they were measured at."""
    job = series.jobs[0]
    sizes = " ".join(series.stem.split("/")[2:])
    return f"{NAMES[job.objective]}, {job.net} net; {sizes}"


def _theory(series: Series) -> tuple[list[float], list[float]]:
    """What theory says over the axis, through the last point: a power, or along M the affine count."""
    last, time = series.xs[-1], series.times[-1] * 1e3
    power = growth.limit(series.jobs[0], series.axis)
    if power is None:
        count = growth.counted(series.jobs[0])
        return [*series.xs], [time * count.at(x) / count.at(last) for x in series.xs]
    first = series.xs[series.upper()[0]]
    return [first, last], [time * (first / last) ** power, time]


def draw_growth(plt: Any, device: Device, title: str, axis: str, label: str) -> Any:
    """A panel an engine, one above the other on the same axes; the legend under each names its lines."""
    file = device.growth
    assert file
    series = [s for s in growth.find_series(file.rows) if s.axis == axis]
    engines = sorted({s.engine for s in series})
    rows = [sum(s.engine == engine for s in series) + 1 for engine in engines]
    heights = [3.45 + 0.17 * count for count in rows]
    total = sum(heights) + 0.5
    figure = plt.figure(figsize=(WIDTH, total))
    xs, ys = [x for s in series for x in s.xs], [1e3 * t for s in series for t in s.times]
    top = total - 0.5
    for engine, height in zip(engines, heights):
        axes = figure.add_axes((0.11, (top - 0.25 - 2.65) / total, 0.87, 2.65 / total))
        axes.set_title(f"engine {engine}", loc="left")
        for i, each in enumerate(s for s in series if s.engine == engine):
            colour, marker = canvas.COLOURS[i % 7], canvas.MARKERS[(i + i // 7) % 7]
            axes.plot(each.xs, [1e3 * t for t in each.times], color=colour, marker=marker, label=_label(each))
            axes.plot(*_theory(each), color=colour, linestyle=(0, (4, 3)), linewidth=1, alpha=0.7)
        axes.plot([], [], color=canvas.GREY, linestyle=(0, (4, 3)), linewidth=1, label=_said(axis))
        axes.set_xlabel(label)
        axes.set_ylabel("time of a step, ms")
        axes.set(xlim=(min(xs) / 1.3, max(xs) * 1.3), ylim=(min(ys) / 1.6, max(ys) * 1.6))
        canvas.logarithmic(axes, "x", base=2)
        canvas.logarithmic(axes, "y")
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.42 / 2.65), borderaxespad=0, handlelength=3,
                    labelspacing=0.25)
        top -= height
    canvas.head(figure, title, file.source)
    return figure


def _said(axis: str) -> str:
    return {"N": "theory: proportional to N", "M": "theory: the counted FLOP, a + b M, through the last point",
            "d": "theory: d for slices, d² for the exact trace", "H": "theory: H² for wide networks"}[axis]


def _with_floor(file: ResultFile) -> list:
    rows = [row for row in file.rows if row.job and is_ours(row.owner) and "floor_share" in row.counters]
    return sorted(rows, key=lambda row: (row.job.order() if row.job else (), row.owner))


def draw_floor(plt: Any, device: Device, title: str) -> Any:
    file = device.suite
    assert file
    rows = _with_floor(file)
    engines = sorted({row.owner for row in rows})
    height = 1.4 + 0.2 * len(rows)
    figure, axes = plt.subplots(figsize=(WIDTH, height))
    figure.subplots_adjust(left=0.43, right=0.95, top=1 - 0.55 / height, bottom=0.75 / height)
    for i, engine in enumerate(engines):
        own = [(place, 100 * row.counters["floor_share"]) for place, row in enumerate(rows) if row.owner == engine]
        axes.barh([place for place, _ in own], [share for _, share in own], color=canvas.COLOURS[i % 7], height=0.7,
                  label=engine)
        for place, share in own:
            axes.text(share + 1, place, f"{share:.0f}", va="center", fontsize=7, color=canvas.GREY)
    axes.set_yticks(range(len(rows)), [str(row.job) for row in rows], fontsize=7)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, max(105, *(105 * row.counters["floor_share"] for row in rows)))
    axes.axvline(100, color=canvas.GREY, linewidth=1)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("share of the floor, %: 100 is the least time that the counted work takes")
    if len(engines) > 1:
        figure.legend(loc="lower left", ncols=1 if len(engines) < 3 else 2)
    canvas.head(figure, title, file.source)
    return figure


def draw_peers(plt: Any, device: Device, title: str) -> Any:
    """Jobs from above as the table has them, the forms of a job side by side, each named at its point."""
    file = device.peers
    assert file
    jobs = sorted({row.job for row in file.ratios if row.job}, key=lambda job: job.order())
    peers = sorted({peer_of(row.owner) for row in file.ratios}, key=lambda peer: (peer != "PyTorch", peer))
    lines, ticks, place = [], [], 0.0
    for job in jobs:
        own = sorted((row for row in file.ratios if row.job == job), key=lambda row: (row.median, row.owner))
        ticks.append(place + (len(own) - 1) / 2)
        lines += [(place + i, row) for i, row in enumerate(own)]
        place += len(own) + 0.8
    height = 1.5 + 0.16 * place
    figure, axes = plt.subplots(figsize=(WIDTH, height))
    figure.subplots_adjust(left=0.33, right=0.80, top=1 - 0.55 / height, bottom=0.8 / height)
    for i, peer in enumerate(peers):
        own = [(y, row) for y, row in lines if peer_of(row.owner) == peer]
        below = [row.median - (row.median if row.min is None else row.min) for _, row in own]
        above = [(row.median if row.max is None else row.max) - row.median for _, row in own]
        axes.errorbar([row.median for _, row in own], [y for y, _ in own], xerr=[below, above],
                      fmt=canvas.MARKERS[i % 7], color=canvas.COLOURS[i % 7], linewidth=1, capsize=2, label=peer)
    for y, row in lines:
        axes.text(1.01, y, f"{row.owner}  {number(row.median)}", transform=axes.get_yaxis_transform(), va="center",
                  fontsize=7, color=canvas.GREY)
    axes.axvline(1, color=canvas.GREY, linewidth=1)
    ends = [end for _, row in lines for end in (row.min, row.median, row.max) if end is not None and end > 0]
    axes.set_xlim(min(0.8, min(ends) / 1.15), max(1.25, max(ends) * 1.15))
    canvas.logarithmic(axes, "x", base=2)
    axes.set_ylim(place - 0.8, -1)
    axes.set_yticks(ticks, [str(job) for job in jobs], fontsize=7)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("time of the peer / time of scorematch: right of 1, scorematch is faster")
    figure.legend(loc="lower left")
    canvas.head(figure, title, file.source)
    return figure
