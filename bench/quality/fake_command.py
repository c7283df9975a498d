"""Replaces the command in tests of the harness: `train` copies the data, and `sample` repeats its rows.

The option --steps selects a failure: 1, train is refused; 2, samples are not finite; 3, samples are too wide.
"""
from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np


def train(data: Path, folder: Path, steps: str) -> None:
    if steps == "1":
        sys.exit("scorematch: error: DATA: expected something else\n")
    shutil.copy(data, folder / "data.copy")
    header = json.dumps({"__metadata__": {"user.train.steps": steps, "format": "none"}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)


def sample(model: Path, count: int, out: Path, seed: int) -> None:
    header = model.read_bytes()[8:]
    steps = json.loads(header)["__metadata__"]["user.train.steps"]
    rows = np.load(model.parent / "data.copy")
    samples = rows[np.random.default_rng(seed).integers(0, len(rows), count)].astype(np.float32)
    if steps == "2":
        samples[7] = np.nan
    np.save(out, samples * 1.3 if steps == "3" else samples)


def main(arguments: list[str]) -> None:
    def option(name: str, default: str = "0") -> str:
        return arguments[arguments.index(name) + 1] if name in arguments else default

    if arguments[0] == "train":
        train(Path(arguments[1]), Path(option("-o")), option("--steps"))
    elif arguments[0] == "sample":
        sample(Path(arguments[1]), int(option("-n")), Path(option("-o")), int(option("--seed")))
    else:
        sys.exit(f"fake command: unknown {arguments[0]}")


if __name__ == "__main__":
    main(sys.argv[1:])
