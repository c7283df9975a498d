"""Plots with one line per job: the fraction of the floor, and the peers' ratios. Jobs come in the order of the tables."""
from __future__ import annotations

from typing import Any

import canvas
from results import Device, ResultFile, Row, is_ours
from tables import best_forms, between, peer_of

INCHES = 0.17  # per line
OUTLIER = 4  # whiskers end at this multiple of the largest median, so that one slow round does not squeeze the rest


def with_floor(file: ResultFile) -> list[Row]:
    """Rows that know their floor, except the reference engine's: it is made to be right, not to be fast."""
    rows = [row for row in file.rows if row.job and is_ours(row.owner) and "floor_share" in row.counters
            and row.owner != "reference"]
    return sorted(rows, key=lambda row: (row.job.order() if row.job else (), row.owner))


def draw_floor(plt: Any, device: Device, title: str) -> Any:
    """One point per engine on the line of its job, so that precisions of a GPU can be compared."""
    file = device.suite
    assert file
    rows = with_floor(file)
    jobs = list(dict.fromkeys(str(row.job) for row in rows))
    engines = sorted({row.owner for row in rows})
    height = 1.3 + INCHES * (len(jobs) + len(engines))
    figure, axes = plt.subplots(figsize=(canvas.WIDTH, height))
    figure.subplots_adjust(left=0.39, right=0.97, top=1 - 0.55 / height, bottom=(0.65 + INCHES * len(engines)) / height)
    for i, engine in enumerate(engines):
        own = [row for row in rows if row.owner == engine]
        axes.plot([100 * row.counters["floor_share"] for row in own], [jobs.index(str(row.job)) for row in own],
                  canvas.MARKERS[i % 7], color=canvas.COLORS[i % 7], label=f"engine {engine}")
    axes.set_yticks(range(len(jobs)), jobs, fontsize=7)
    axes.set_ylim(len(jobs) - 0.4, -0.6)
    axes.set_xlim(0, max(102, *(105 * row.counters["floor_share"] for row in rows)))
    axes.axvline(100, color=canvas.GREY, linewidth=1)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("fraction of the floor, %: 100 is the least time for the counted work")
    figure.legend(loc="lower left")
    canvas.head(figure, title, file.source)
    return figure


def draw_peers(plt: Any, device: Device, title: str) -> Any:
    """Under each job its forms, the fastest first: the name at the left, the ratio as a number at the right."""
    file = device.peers
    assert file
    jobs = sorted({row.job for row in file.ratios if row.job}, key=lambda job: job.order())
    peers = sorted({peer_of(row.owner) for row in file.ratios if row.job}, key=lambda peer: (peer != "PyTorch", peer))
    lines: list[tuple[float, Row]] = []
    heads: list[tuple[float, str]] = []
    place = 0.0
    for job in jobs:
        heads.append((place, str(job)))
        own = sorted((row for row in file.ratios if row.job == job), key=lambda row: (row.median, row.owner))
        lines += [(place + 1 + i, row) for i, row in enumerate(own)]
        place += len(own) + 1.5
    height = 1.3 + INCHES * (place + len(peers))
    figure, axes = plt.subplots(figsize=(canvas.WIDTH, height))
    figure.subplots_adjust(left=0.32, right=0.79, top=1 - 0.55 / height, bottom=(0.65 + INCHES * len(peers)) / height)
    low = min(0.9, min((row.min or row.median) for _, row in lines) / 1.1)
    high = max(2.2, min(max((row.max or row.median) for _, row in lines) * 1.1,
                        OUTLIER * max(row.median for _, row in lines)))
    for i, peer in enumerate(peers):
        own = [(y, row) for y, row in lines if peer_of(row.owner) == peer]
        below = [row.median - (row.median if row.min is None else row.min) for _, row in own]
        above = [(row.median if row.max is None else row.max) - row.median for _, row in own]
        axes.errorbar([row.median for _, row in own], [y for y, _ in own], xerr=[below, above],
                      fmt=canvas.MARKERS[i % 7], color=canvas.COLORS[i % 7], linewidth=1, capsize=2, label=peer)
        beyond = [y for y, row in own if (row.max or 0) > high]
        axes.plot([high] * len(beyond), beyond, ">", color=canvas.COLORS[i % 7], clip_on=False)
    for y, row in lines:
        axes.text(1.02, y, between(row), transform=axes.get_yaxis_transform(), va="center", fontsize=7,
                  color=canvas.GREY)
    for y, job in heads:
        axes.text(-0.66, y, job, transform=axes.get_yaxis_transform(), va="center", fontsize=7.5)
    axes.axvline(1, color=canvas.GREY, linewidth=1)
    axes.set_xlim(low, high)
    canvas.logarithmic(axes, "x", ticks=[2.0**power for power in range(-12, 13)])
    axes.set_ylim(place - 0.9, -0.9)
    axes.set_yticks([y for y, _ in lines], [row.owner for _, row in lines], fontsize=7)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("time of the peer / time of scorematch: right of 1, scorematch is faster")
    figure.legend(loc="lower left")
    canvas.head(figure, title, file.source)
    return figure


def draw_speed(plt: Any, device: Device, title: str) -> Any:
    """The fastest form of each peer on every job, in one small picture."""
    file = device.peers
    assert file
    jobs = sorted({row.job for row in file.ratios if row.job}, key=lambda job: job.order())
    best = [best_forms(file, str(job)) for job in jobs]
    peers = sorted({peer for forms in best for peer in forms}, key=lambda peer: (peer != "PyTorch", peer))
    height = 1.4 + INCHES * len(jobs)
    figure, axes = plt.subplots(figsize=(canvas.WIDTH, height))
    figure.subplots_adjust(left=0.34, right=0.97, top=1 - 0.55 / height, bottom=0.75 / height)
    for i, peer in enumerate(peers):
        own = [(forms[peer].median, y) for y, forms in enumerate(best) if peer in forms]
        axes.plot([x for x, _ in own], [y for _, y in own], canvas.MARKERS[i % 7], color=canvas.COLORS[i % 7],
                  label=f"fastest form of {peer}")
    axes.axvline(1, color=canvas.GREY, linewidth=1.4, label="scorematch")
    axes.set_yticks(range(len(jobs)), map(str, jobs), fontsize=7.5)
    axes.set_ylim(len(jobs) - 0.4, -0.6)
    axes.set_xlim(0, 1.05 * max(row.median for forms in best for row in forms.values()))
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("time of a step / time of scorematch: right of 1, scorematch is faster")
    figure.legend(loc="lower center", ncol=len(peers) + 1)
    canvas.head(figure, title, file.source)
    return figure
