"""Small pictures of the documentation by matplotlib, the same whatever the user's settings."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

COLORS = 32  # in the palette of a picture


def pyplot() -> Any:
    import matplotlib
    matplotlib.use("agg")
    matplotlib.rcdefaults()
    matplotlib.rcParams.update({"font.size": 7, "axes.titlesize": 8, "axes.spines.top": False, "axes.spines.right": False,
                                "legend.frameon": False, "savefig.dpi": 100, "figure.facecolor": "white"})
    from matplotlib import pyplot as plt
    return plt


def save(figure: Any, path: Path) -> None:
    """Saves with a palette, which needs a third of the bytes."""
    from matplotlib import pyplot as plt
    from PIL import Image
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.canvas.draw()
    image = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3])
    image.quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)
    plt.close(figure)
