"""Reads bench/results/<device>/{suite,parts,growth,peers}.json: Google Benchmark's JSON, raw or compact (compact.py).

Everything after this module works on a few dataclasses in SI units, so that only this one knows about aggregates,
time units and what Google Benchmark appends to names.
"""
from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from compact import expanded, is_compact

OBJECTIVES = ("esm", "ism", "dsm", "ssm", "ssm_vr", "scores", "flow", "reverse")
SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
NOT_COUNTERS = {"real_time", "cpu_time", "iterations", "threads", "repetitions", "repetition_index", "family_index",
                "per_family_instance_index"}
_JOB = re.compile(r"(esm|ism|dsm|ssm_vr|ssm|scores|flow|reverse)/(score|energy)/d:(\d+)/H:(\d+)/L:(\d+)(?:/M:(\d+))?/N:(\d+)(/value)?")
# What Google Benchmark adds to a name for how it was asked to measure.
_MANNER = re.compile(r"(/(real_time|manual_time|process_time|"
                     r"(min_time|min_warmup_time|repeats|iterations|threads):[^/]*))+$")


class ResultsError(Exception):
    """An error in the results or in the page that a person has to fix."""


@dataclass(frozen=True)
class Job:
    """One loss (and gradient) of one network on one batch, its scores or samples; `projections` is None for objectives without
    directions."""
    objective: str
    net: str
    dim: int
    hidden: int
    layers: int
    projections: int | None
    batch: int
    value_only: bool = False

    def __str__(self) -> str:
        directions = "" if self.projections is None else f"/M:{self.projections}"
        return (f"{self.objective}/{self.net}/d:{self.dim}/H:{self.hidden}/L:{self.layers}{directions}/N:{self.batch}"
                + ("/value" if self.value_only else ""))

    def order(self) -> tuple:
        """Sorts jobs in the order in which the documentation introduces objectives, whatever their order in a file."""
        return (self.net != "score", OBJECTIVES.index(self.objective), self.value_only, self.layers, self.hidden,
                self.dim, self.projections or 0, self.batch)


def parse_job(text: str) -> Job | None:
    match = _JOB.fullmatch(text)
    if not match or match[1].startswith("ssm") != bool(match[6]):
        return None
    objective, net, dim, hidden, layers, projections, batch, value = match.groups()
    return Job(objective, net, int(dim), int(hidden), int(layers), int(projections) if projections else None,
               int(batch), bool(value))


@dataclass(frozen=True)
class Row:
    """The measurements under one name. `owner` is the part before the first slash: an engine, a form of a peer, "machine",
    "parts" or "memory". Times are in seconds, except those of ratios, which are plain numbers."""
    owner: str
    rest: str
    job: Job | None
    median: float
    min: float | None = None
    max: float | None = None
    counters: dict[str, float] = field(default_factory=dict)

    @property
    def spread(self) -> float | None:
        if self.min is None or self.max is None or self.median <= 0:
            return None
        return (self.max - self.min) / self.median


@dataclass(frozen=True)
class Refusal:
    form: str
    job: str
    why: str


@dataclass(frozen=True)
class Source:
    """The origin of a file's numbers. It accompanies every table made from them."""
    device: str
    engine: str
    date: str
    commit: str
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ResultFile:
    source: Source
    rows: tuple[Row, ...] = ()
    ratios: tuple[Row, ...] = ()  # owner is the peer's form
    refused: tuple[Refusal, ...] = ()


@dataclass(frozen=True)
class Device:
    """A folder of results; a file that is missing is None."""
    folder: str
    suite: ResultFile | None = None
    parts: ResultFile | None = None
    growth: ResultFile | None = None
    peers: ResultFile | None = None

    @property
    def title(self) -> str:
        return next(file.source.device for file in (self.suite, self.parts, self.growth, self.peers) if file)


def is_ours(owner: str) -> bool:
    return owner == "reference" or owner.startswith(("cpu", "cuda"))


def _source(context: dict, folder: str) -> Source:
    versions = {str(key): str(value) for key, value in (context.get("versions") or {}).items()}
    commit = context.get("commit") or versions.pop("scorematch commit", "")
    versions.pop("scorematch commit", None)
    threads = context.get("threads")
    engine = context.get("engine") or (f"{threads} thread{'s' if threads != 1 else ''}" if threads else "")
    return Source(str(context.get("device") or context.get("host") or folder), str(engine or "engine not recorded"),
                  str(context.get("date") or "date not recorded"), str(commit or "not recorded"), versions)


def _row(name: str, entries: list[dict], where: str) -> Row:
    """One row from all entries of a name: from its aggregates or, since a single repetition has none, from the repetitions."""
    ratio = name.startswith("ratio/")
    owner, _, rest = (name.removeprefix("ratio/") if ratio else name).partition("/")

    def value(entry: dict) -> float:
        unit = entry.get("time_unit", "ns")
        if not ratio and unit not in SECONDS:
            raise ResultsError(f"{where}: {name}: '{unit}' is not a unit of time")
        return float(entry["real_time"]) * (1.0 if ratio else SECONDS[unit])

    by_aggregate = {e.get("aggregate_name"): e for e in entries if e.get("run_type") == "aggregate"}
    single = [e for e in entries if e.get("run_type", "iteration") == "iteration"]
    if "median" in by_aggregate:
        middle = by_aggregate["median"]
        low, high = (value(by_aggregate[end]) if end in by_aggregate else None for end in ("min", "max"))
        if single and low is None and high is None:
            low, high = min(map(value, single)), max(map(value, single))
        time = value(middle)
    elif single:
        time = median(map(value, single))
        low, high = (min(map(value, single)), max(map(value, single))) if len(single) > 1 else (None, None)
        middle = sorted(single, key=value)[len(single) // 2]
    else:
        raise ResultsError(f"{where}: {name}: expected a median, got only {', '.join(sorted(map(str, by_aggregate)))}")
    counters = {key: float(number) for key, number in middle.items()
                if key not in NOT_COUNTERS and isinstance(number, (int, float)) and not isinstance(number, bool)}
    return Row(owner, rest, parse_job(rest), time, low, high, counters)


def read_file(path: Path) -> ResultFile:
    where = f"{path.parent.name}/{path.name}"
    try:
        content = expanded(json.loads(path.read_text(encoding="utf-8")))
        source = _source(content["context"], path.parent.name)
        refused = [Refusal(str(r["form"]), str(r["job"]), str(r["why"])) for r in content.get("refused", ())]
        by_name: dict[str, list[dict]] = {}
        for entry in content["benchmarks"]:
            name = _MANNER.sub("", entry.get("run_name") or entry["name"])
            if entry.get("error_occurred") or entry.get("skipped"):
                owner, _, rest = name.partition("/")
                refused.append(Refusal(owner, rest, str(entry.get("error_message") or "failed")))
            else:
                by_name.setdefault(name, []).append(entry)
        named = [(name, _row(name, entries, where)) for name, entries in by_name.items()]
    except (json.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ResultsError(f"{where}: not results as Google Benchmark writes them: {error!r}") from error
    return ResultFile(source, tuple(row for name, row in named if not name.startswith("ratio/")),
                      tuple(row for name, row in named if name.startswith("ratio/")), tuple(dict.fromkeys(refused)))


FILES = ("suite", "parts", "growth", "peers")


def raw_files(folder: Path) -> list[Path]:
    """Files that are not in the compact form."""
    return [path for name in FILES for path in sorted(folder.glob(f"*/{name}.json"))
            if not is_compact(json.loads(path.read_text(encoding="utf-8")))]


def read_results(folder: Path) -> list[Device]:
    """All devices that have at least one of the files, by the names of their folders."""
    if not folder.is_dir():
        raise ResultsError(f"{folder}: expected a folder of results, one subfolder per device")
    devices = []
    for each in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = {name: read_file(each / f"{name}.json") for name in FILES
                 if (each / f"{name}.json").is_file()}
        if files:
            devices.append(Device(each.name, **files))
    return devices
