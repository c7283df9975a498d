"""The picture of the limit."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from figures import pyplot, save

PALETTE = ["#D55E00", "#595959", "#0072B2", "#009E73"]


def draw_limit(levels: Sequence[float], traces: Mapping[str, Sequence[Any]], apart: Mapping[str, Sequence[float]], path: Path) -> None:
    figure, (left, right) = pyplot().subplots(1, 2, figsize=(7, 2.8))
    for color, (name, measured) in zip(PALETTE, traces.items()):
        value, error = np.array([(each.value, 2 * each.standard_error) for each in measured]).T
        left.errorbar(levels, value, error, color=color, linewidth=1 if name != "ssm_vr" else 3, label=name,
                      alpha=0.45 if name == "ssm_vr" else 1)
    left.set(xscale="log", yscale="log", xlabel="sigma", title="variance of one sample's gradient")
    left.legend(fontsize=6)
    for color, (name, values) in zip(PALETTE[:2], apart.items()):
        right.plot(levels, values, "o-", color=color, markersize=3, linewidth=0.8, label=f"{name} arrays")
    first = apart["float64"][0]
    right.plot(levels, [first * (sigma / levels[0])**2 for sigma in levels], color="black", linewidth=0.6, linestyle="--", label="sigma^2")
    right.set(xscale="log", yscale="log", xlabel="sigma", title="|g of the pair - g of ssm_vr| / |g|, same x, eps = v")
    right.legend(fontsize=6)
    save(figure, path)
