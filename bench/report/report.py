#!/usr/bin/env python3
"""From results to the page: rewrites the tables between the markers of a markdown page, and draws its plots.

    report.py bench/results --markdown docs/performance.md --plots docs/plots [--check]

The same results give the same bytes. --check writes nothing and ends with 1 if the page is not up to date.
"""
from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import plots
import tables
from markdown import plain
from results import Device, ResultsError, read_results

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def pictures(device: Device, section: str, link: str | None) -> list[str]:
    """The plots of a section; none without a folder to link to."""
    if link is None:
        return []
    return [line for plot in plots.planned(device) if plot.section == section
            for line in (f"![{plain(plot.alt)}]({quote(f'{link}/{device.folder}/{plot.file}')})", "")]


def section(lines: list[str], images: list[str]) -> list[str]:
    """A section's pictures come last, after the numbers they show; a section without tables has no pictures."""
    return [*lines, *images] if lines else []


def render(devices: Sequence[Device], link: str | None) -> str:
    """What stands between the markers; `link` leads from the page to the folder of plots."""
    lines: list[str] = []
    for device in devices:
        lines += [f"### {plain(device.title)}", "",
                  *section(tables.answer(device), pictures(device, "answer", link)),
                  *section(tables.objectives(device), pictures(device, "objectives", link)),
                  *tables.threads(device),
                  *tables.parts(device),
                  *section(tables.growing(device), pictures(device, "growth", link)),
                  *tables.refused(device)]
    return "\n".join(lines or ["No results have been recorded yet.", ""])


def rewritten(page: str, content: str, name: str) -> str:
    """The page with the content between its markers, each of which has to be there once."""
    for marker in (BEGIN, END):
        if page.count(marker) != 1:
            raise ResultsError(f"{name}: expected one line '{marker}', got {page.count(marker)}")
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ResultsError(f"{name}: '{END}' stands before '{BEGIN}'")
    return f"{before}{BEGIN}\n\n{content}\n{END}{after}"


def stale_plots(devices: Sequence[Device], folder: Path) -> list[str]:
    """Plots that the page links to and that are not there. What is in them is not compared: it takes matplotlib, and
    versions of it draw differently."""
    return [f"{device.folder}/{plot.file}" for device in devices for plot in plots.planned(device)
            if not (folder / device.folder / plot.file).is_file()]


def run(results: Path, page: Path, folder: Path | None, check: bool) -> int:
    devices = read_results(results)
    link = Path(os.path.relpath(folder, page.parent)).as_posix() if folder else None
    if not page.is_file():
        raise ResultsError(f"{page}: no such page")
    old = page.read_text(encoding="utf-8")
    new = rewritten(old, render(devices, link), str(page))
    if check:
        missing = stale_plots(devices, folder) if folder else []
        if new != old:
            print(f"{page} is not what {results} says: run report.py without --check", file=sys.stderr)
        for plot in missing:
            print(f"{plot} has not been drawn: run report.py without --check", file=sys.stderr)
        return 1 if new != old or missing else 0
    if folder:
        plots.draw_all(devices, folder)
    if new != old:
        page.write_text(new, encoding="utf-8")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Tables and plots of benchmark results, into a markdown page.")
    parser.add_argument("results", type=Path, metavar="RESULTS_DIR", help="holds a folder a device, as bench/results")
    parser.add_argument("--markdown", type=Path, required=True, metavar="PAGE", help=f"has {BEGIN} and {END}")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="where plots go; without it neither plots nor links")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is not up to date")
    given = parser.parse_args(arguments)
    try:
        return run(given.results, given.markdown, given.plots, given.check)
    except (ResultsError, OSError) as error:
        print(f"report: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
