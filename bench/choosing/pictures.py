"""The picture of the limit. The only module that needs matplotlib."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

PALETTE = ["#D55E00", "#595959", "#0072B2", "#009E73"]
PALETTE_SIZE = 32  # of a file


def pyplot() -> Any:
    import matplotlib
    matplotlib.use("agg")
    matplotlib.rcdefaults()  # independent of the user's settings
    matplotlib.rcParams.update({"font.size": 7, "axes.titlesize": 8, "axes.spines.top": False, "axes.spines.right": False,
                                "legend.frameon": False, "savefig.dpi": 110, "figure.dpi": 110, "figure.facecolor": "white"})
    from matplotlib import pyplot as plt
    return plt


def save(figure: Any, path: Path) -> None:
    """Saves with a palette, which needs a third of the bytes."""
    from PIL import Image
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.canvas.draw()
    image = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3])
    image.quantize(PALETTE_SIZE, dither=Image.Dither.NONE).save(path, optimize=True)
    pyplot().close(figure)


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
