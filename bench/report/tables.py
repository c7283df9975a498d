"""The sections of a device's page: each is a list of lines, empty if nothing was measured."""
from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import growth
from markdown import ABSENT, code, exponent, milliseconds, number, percent, plain, rate, table
from results import Device, ResultFile, Row, Source, is_ours


def caption(source: Source) -> str:
    """The origin of a table's numbers, below every table."""
    versions = "".join(f"; {plain(name)} {plain(text)}" for name, text in sorted(source.versions.items()))
    origin = "; ".join(map(plain, (source.device, source.engine, source.date)))
    return f"{origin}; commit {plain(source.commit)}{versions}."


def captioned(source: Source, lines: Sequence[str]) -> list[str]:
    return [*lines, "", caption(source), ""]


def peer_of(form: str) -> str:
    """Whose form it is, by the first word of its name."""
    first = form.split("-")[0]
    return {"torch": "PyTorch", "jax": "JAX"}.get(first, first)


def best_forms(file: ResultFile, job: str) -> dict[str, Row]:
    """The fastest form of each peer: that with the lowest ratio."""
    best: dict[str, Row] = {}
    for row in file.ratios:
        peer = peer_of(row.owner)
        if row.rest == job and (peer not in best or (row.median, row.owner) < (best[peer].median, best[peer].owner)):
            best[peer] = row
    return best


def floor_fraction(row: Row, device: Device) -> float | None:
    """As measured in that run, or else as the suite has it for the same engine and job."""
    suite = device.suite.rows if device.suite else ()
    same = [other for other in (row, *suite) if (other.owner, other.rest) == (row.owner, row.rest)]
    return next((r.counters["floor_share"] for r in same if "floor_share" in r.counters), None)


def verdict(best: Sequence[dict[str, Row]]) -> str:
    """The answer in one or two sentences, for the jobs on which a peer was timed."""
    ratios = [min(row.median for row in each.values()) for each in best if each]
    if not ratios:
        return "No peer was timed."
    faster = sum(ratio > 1 for ratio in ratios)
    return (f"On {faster} of {len(ratios)} jobs scorematch is faster than the fastest form of every peer. That form "
            f"takes {number(min(ratios))} to {number(max(ratios))} times as long as scorematch, "
            f"{number(median(ratios))} in the median of the jobs.")


def _our_jobs(file: ResultFile | None) -> list[Row]:
    return sorted((row for row in file.rows if is_ours(row.owner) and row.job), key=_order) if file else []


def short_answer(device: Device) -> str:
    """The verdict alone, or nothing if no peer was compared."""
    ours = _our_jobs(device.peers)
    return verdict([best_forms(device.peers, row.rest) for row in ours]) if device.peers and ours else ""


def answer(device: Device) -> list[str]:
    file = device.peers
    ours = _our_jobs(file)
    if not file or not ours:
        return []
    found = [best_forms(file, row.rest) for row in ours]
    peers = ["PyTorch", "JAX"] + sorted({peer for each in found for peer in each} - {"PyTorch", "JAX"})
    several = len({row.owner for row in ours}) > 1
    rows = []
    for row, best in zip(ours, found):
        cells = [code(f"{row.owner}/{row.rest}" if several else row.rest), milliseconds(row.median),
                 percent(floor_fraction(row, device))]
        for peer in peers:
            form = best.get(peer)
            cells += [code(form.owner), between(form)] if form else [ABSENT, ABSENT]
        rows.append(cells)
    head = ["job", "scorematch, ms", "of the floor"]
    for peer in peers:
        head += [f"best {peer} form", f"{peer} / scorematch"]
    text = ("A ratio is the peer's time over scorematch's time in the same round: the median over rounds (lowest … "
            "highest). Above 1, scorematch is faster.")
    if device.suite and not any("floor_share" in row.counters for row in ours):
        text += " The fractions of the floor come from the suite's run, below."
    return ["## Against PyTorch and JAX", "", verdict(found), "", text, "",
            *captioned(file.source, table(head, rows, keep=head[3:7]))]


def between(row: Row) -> str:
    ends = "" if row.min is None or row.max is None else f" ({number(row.min)} … {number(row.max)})"
    return number(row.median) + ends


def _order(row: Row) -> tuple:
    return (row.job.order() if row.job else (), row.owner)


def measured(rows: Sequence[Row], first: str, names: Sequence[str]) -> list[str]:
    """A table of what was timed, with the counters that any of the rows has."""
    head = [first, "median, ms", "spread", "samples/s", "elements/s", "GFLOP/s", "GB/s", "floor, ms",
            "of the floor", "peak memory, MiB"]
    lines = []
    for row, name in zip(rows, names):
        get = row.counters.get
        peak = get("peak_bytes")
        lines.append([code(name), milliseconds(row.median), percent(row.spread), rate(get("samples/s")),
                      rate(get("items/s")), number(get("GFLOP/s")), number(get("GB/s")), number(get("floor_ms")), percent(get("floor_share")),
                      number(peak / 2**20 if peak is not None else None)])
    return table(head, lines)


def objectives(device: Device) -> list[str]:
    file = device.suite
    rows = sorted((row for row in file.rows if row.job and is_ours(row.owner)), key=_order) if file else []
    if not file or not rows:
        return []
    text = ("Loss and gradient of one batch, or the loss alone where a name ends in `/value`. The spread is (longest − "
            "shortest) / median over the repetitions. The floor is the least time that the counted work takes at the "
            "rates measured in the same run; the column beside it is floor / time. Every figure is the median of its "
            "own repetitions, so a ratio of two medians may differ from the median ratio.")
    return ["## Every objective on every engine", "", text, "",
            *captioned(file.source, measured(rows, "engine/job", [f"{row.owner}/{row.rest}" for row in rows]))]


def threads(device: Device) -> list[str]:
    """What all threads gain, for the jobs that were also run on one thread."""
    file = device.suite
    alone = {row.rest: row for row in file.rows if row.owner == "cpu-1" and row.job} if file else {}
    both = sorted((row for row in file.rows if row.owner == "cpu" and row.rest in alone), key=_order) if file else []
    if not file or not both:
        return []
    rows = [[code(row.rest), milliseconds(alone[row.rest].median), milliseconds(row.median),
             number(alone[row.rest].median / row.median)] for row in both]
    return ["## All threads against one", "", "Medians of the table above.", "",
            *captioned(file.source, table(["job", "one, ms", "all, ms", "times as fast"], rows))]


def parts(device: Device) -> list[str]:
    """Single parts, and the machine's peak rates."""
    file = device.parts
    if not file:
        return []
    lines = []
    machine = [row for row in file.rows if row.owner == "machine"]
    if machine:
        lines += ["## Peak rates of the machine", "", "The floors are computed from these rates.", "",
                  *captioned(file.source, measured(machine, "measured", [row.rest for row in machine]))]
    others = [row for row in file.rows if row.owner != "machine" and not (row.job and is_ours(row.owner))]
    if others:
        names = [row.rest if row.owner == "parts" else "/".join(filter(None, (row.owner, row.rest))) for row in others]
        lines += ["## Single parts", "", *captioned(file.source, measured(others, "part", names))]
    return lines


def growing(device: Device) -> list[str]:
    file = device.growth
    series = growth.find_series(file.rows) if file else []
    if not file or not series:
        return []
    lines = ["## How cost grows", ""]
    powers = [s for s in series if s.axis != "M"]
    if powers:
        rows = [[code(f"{s.engine}/{s.stem}"), s.axis, f"{s.xs[0]:,} … {s.xs[-1]:,}", str(len(s.upper())),
                 exponent(s.fitted()), exponent(s.theory()), number(growth.limit(s.jobs[0], s.axis), 1)]
                for s in powers]
        head = ["job", "axis", "measured over", "points fitted", "exponent", "of the count", "in the limit"]
        lines += ["Time as a power of one size, fitted by least squares in log-log over the upper half of the axis (on "
                  "a log scale). The next columns are the exponent of the counted FLOP, fitted to the same points, and "
                  "its limit as this size alone grows. A fitted exponent below that of the count means that fixed "
                  "costs per call still show, or that larger sizes suit the machine better.", "",
                  *captioned(file.source, table(head, rows))]
    affine = [(s, fit) for s in series if (fit := s.affine())]
    if affine:
        rows = [[code(f"{s.engine}/{s.stem}"), f"{s.xs[0]:,} … {s.xs[-1]:,}", milliseconds(fit.once),
                 milliseconds(fit.each), number(fit.quotient), number(growth.counted(s.jobs[0]).quotient)]
                for s, fit in affine]
        lines += ["Directions M: a + b M, fitted to all points by least squares of relative errors. The work that is "
                  "done once costs as much as a / b directions.", "",
                  *captioned(file.source, table(["job", "M", "a, ms", "b, ms", "a / b", "a / b of the count"], rows))]
    return lines


def refused(device: Device) -> list[str]:
    """What a peer cannot do, and what failed on our side: every gap in the tables above has an entry."""
    lines = []
    for file in (device.suite, device.parts, device.growth, device.peers):
        if file and file.refused:
            rows = [[code(each.job), code(each.form), code(each.why)]
                    for each in sorted(file.refused, key=lambda r: (r.job, r.form, r.why))]
            lines += captioned(file.source, table(["job", "form", "why"], rows, align="---"))
    if not lines:
        return []
    text = "With the messages of the programs that refused it. A form that stalled was refused by the comparison."
    return ["## What was refused", "", text, "", *lines]
