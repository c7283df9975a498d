#!/usr/bin/env python3
"""Tables and plots of benchmark results.

    report.py bench/results --markdown docs/performance.md --plots docs/plots [--check]

Writes one page per device into the folder `results` beside the Markdown page, and a list of them between the markers of
that page. Converts raw result files to the compact form of compact.py. Equal results give equal bytes. --check writes
nothing and exits with 1 if something is not up to date.
"""
from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import compact
import plots
import tables
from markdown import plain, wrapped
from results import Device, ResultsError, raw_files, read_results

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
GENERATED = "<!-- Written by ./dev report; do not edit. -->"


def pictures(device: Device, section: str, link: str | None) -> list[str]:
    """The plots of a section; none without a folder to link to."""
    if link is None:
        return []
    return [line for plot in plots.planned(device) if plot.section == section
            for line in (f"![{plain(plot.alt)}]({quote(f'{link}/{device.folder}/{plot.file}')})", "")]


def section(lines: list[str], images: list[str]) -> list[str]:
    """The pictures of a section follow the numbers that they show; a section without tables has none."""
    return [*lines, *images] if lines else []


def device_page(device: Device, link: str | None) -> str:
    """The whole page of a device; `link` leads from it to the folder of plots."""
    lines = [f"# {plain(device.title)}", "", GENERATED, "",
             f"The numbers come from the files in `bench/results/{device.folder}`. [How they are "
             "measured](../performance.md).", "",
             *section(tables.answer(device), pictures(device, "answer", link)),
             *section(tables.objectives(device), pictures(device, "objectives", link)),
             *tables.threads(device),
             *tables.parts(device),
             *section(tables.growing(device), pictures(device, "growth", link)),
             *tables.refused(device)]
    return "\n".join(part for line in lines for part in wrapped(line)).rstrip("\n") + "\n"


def summary(devices: Sequence[Device]) -> str:
    """What is between the markers: a link to each device's page, and the answer that it gives."""
    lines = [f"- [{plain(device.title)}](results/{quote(device.folder)}.md). {tables.short_answer(device)}".rstrip()
             for device in devices] or ["No results have been recorded yet."]
    return "\n".join(part for line in lines for part in wrapped(line)) + "\n"


def rewritten(page: str, content: str, name: str) -> str:
    """The page with the content between its markers, each of which must occur once."""
    for marker in (BEGIN, END):
        if page.count(marker) != 1:
            raise ResultsError(f"{name}: expected one line '{marker}', got {page.count(marker)}")
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ResultsError(f"{name}: '{END}' precedes '{BEGIN}'")
    return f"{before}{BEGIN}\n\n{content}\n{END}{after}"


def missing_plots(devices: Sequence[Device], folder: Path) -> list[str]:
    """Plots that pages link to and that do not exist. Their content is not compared: that takes matplotlib, and its
    versions draw differently."""
    return [f"{device.folder}/{plot.file}" for device in devices for plot in plots.planned(device)
            if not (folder / device.folder / plot.file).is_file()]


def stale_pages(folder: Path, wanted: Mapping[Path, str]) -> list[Path]:
    """Generated pages of devices whose results are gone."""
    return [page for page in sorted(folder.glob("*.md"))
            if page not in wanted and GENERATED in page.read_text(encoding="utf-8")]


def run(results: Path, page: Path, folder: Path | None, check: bool) -> int:
    devices = read_results(results)
    if not page.is_file():
        raise ResultsError(f"{page}: no such page")
    device_pages = page.parent / "results"
    link = Path(os.path.relpath(folder, device_pages)).as_posix() if folder else None
    wanted = {device_pages / f"{device.folder}.md": device_page(device, link) for device in devices}
    wanted[page] = rewritten(page.read_text(encoding="utf-8"), summary(devices), str(page))
    changed = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    stale = stale_pages(device_pages, wanted)
    raw = raw_files(results)
    if check:
        missing = missing_plots(devices, folder) if folder else []
        for path in changed + stale:
            print(f"{path} does not agree with {results}: run report.py without --check", file=sys.stderr)
        for path in raw:
            print(f"{path} is not compact: run report.py without --check", file=sys.stderr)
        for plot in missing:
            print(f"{plot} has not been drawn: run report.py without --check", file=sys.stderr)
        return 1 if changed or stale or raw or missing else 0
    if folder:
        plots.draw_all(devices, folder)
    for path in raw:
        content = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(compact.text_of(compact.compacted(content)), encoding="utf-8")
    for path in stale:
        path.unlink()
    for path in changed:
        path.parent.mkdir(exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Pages and plots of benchmark results.")
    parser.add_argument("results", type=Path, metavar="RESULTS_DIR", help="holds one folder per device, as bench/results")
    parser.add_argument("--markdown", type=Path, required=True, metavar="PAGE", help=f"has {BEGIN} and {END}")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="the folder for plots; without it no plots and no links to them")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is not up to date")
    given = parser.parse_args(arguments)
    try:
        return run(given.results, given.markdown, given.plots, given.check)
    except (ResultsError, OSError) as error:
        print(f"report: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
