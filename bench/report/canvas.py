"""How plots look, and what makes equal input give equal bytes. Only this module needs matplotlib, and only when something
is drawn: tables are made without it."""
from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from results import ResultsError, Source

# Okabe and Ito's colors, which color-blind readers can tell apart; markers and dashes differ too.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
GREY = "#595959"
WIDTH = 7.5  # inches, of every plot

_STYLE = {
    "backend": "svg", "svg.fonttype": "none", "svg.hashsalt": "scorematch", "font.family": "sans-serif", "font.size": 9,
    "axes.titlesize": 9, "axes.grid": True, "grid.color": "#DDDDDD", "grid.linewidth": 0.6,
    "axes.axisbelow": True, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": GREY,
    "legend.frameon": False, "legend.fontsize": 8, "lines.linewidth": 1.4, "lines.markersize": 4,
    "figure.facecolor": "white", "path.simplify": False,
}


def pyplot() -> Any:
    try:
        import matplotlib
    except ImportError as error:
        raise ResultsError("plots are drawn by matplotlib, which is not installed (Debian: python3-matplotlib); "
                           "without --plots there are tables only") from error
    matplotlib.use("svg")
    matplotlib.rcdefaults()  # independent of the user's settings
    matplotlib.rcParams.update(_STYLE)
    from matplotlib import pyplot as plt
    return plt


def head(figure: Any, title: str, source: Source, top: float = 0.3) -> None:
    """Title and origin in the first `top` + 0.25 inches, at the left."""
    height = figure.get_size_inches()[1]
    figure.text(0.01, 1 - 0.08 / height, title, fontsize=11, fontweight="bold", va="top")
    figure.text(0.01, 1 - top / height, f"{source.device}; {source.engine}; {source.date[:10]}", fontsize=8, color=GREY,
                va="top")


def logarithmic(axes: Any, which: str, ticks: Iterable[float] = (), most: int = 9) -> None:
    """A log scale for "x" or "y" with plain numbers on it: 1,000 and 0.01 rather than powers. Of the given ticks, every
    n-th, counted from the last, so that labels do not overlap; without any, powers of ten."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator
    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axis.get_view_interval()
    inside = sorted({tick for tick in ticks if low <= tick <= high})
    narrow = high < 60 * low
    axis.set_major_locator(FixedLocator(inside[:: -1 - (len(inside) - 1) // most]) if inside
                           else LogLocator(base=10, subs=(1, 2, 5) if narrow else (1,), numticks=9))
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}" if x >= 1 else f"{x:.6f}".rstrip("0")))
    axis.set_minor_locator(NullLocator())


def save(plt: Any, figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
