"""The measurements of one model, as a row of the record."""
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class Result:
    job: str  # one of the names in catalog.py
    seed: int
    failure: str | None = None  # why nothing was measured
    ratio: float | None = None
    best_ratio: float | None = None  # of the true distribution itself
    weight_error: float | None = None
    weight_excess: float | None = None
    spread_error: float | None = None
    log_density_error: float | None = None  # nats per dimension
    likelihood_dim: int | None = None  # of the data, if the density was measured
    few: bool = False
    to_held_out: float | None = None  # for digits
    to_training: float | None = None
    train_seconds: float | None = None
    timed: bool = True  # train_seconds is compared with its bound
    sample_seconds: float | None = None
    likelihood_seconds: float | None = None
    options: dict[str, str] = field(default_factory=dict)  # of the training, as recorded in the model


@dataclass
class Record:
    device: str
    commit: str
    train_options: list[str]  # passed through; none: the defaults
    sample_options: list[str]
    seeds: list[int]
    blocks: int | None  # overrides the number of each data set; None: no override
    seconds: float = 0
    results: list[Result] = field(default_factory=list)

    def of(self, job: str) -> list[Result]:
        return [each for each in self.results if each.job == job]

    def jobs(self) -> Sequence[str]:
        return list(dict.fromkeys(each.job for each in self.results))

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def read_record(path: Path) -> Record:
    values = json.loads(path.read_text(encoding="utf-8"))
    results = [Result(**each) for each in values.pop("results")]
    return Record(**values, results=results)
