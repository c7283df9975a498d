"""Runs the command as a user would, and measures how long each call takes."""
from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


class CommandError(Exception):
    """The command failed. The text is its last message."""


@dataclass(frozen=True)
class Command:
    program: Path
    train_options: tuple[str, ...] = ()  # for tuning; none: the defaults
    sample_options: tuple[str, ...] = ()
    threads: int | None = None  # of each call; None: the command decides

    def _run(self, *arguments: str | Path) -> float:
        """@returns seconds"""
        limit = [] if self.threads is None else ["--threads", str(self.threads)]
        began = time.monotonic()
        ended = subprocess.run([str(self.program), *map(str, arguments), *limit], capture_output=True, text=True,
                               errors="replace", check=False)
        if ended.returncode != 0:
            said = [line for line in ended.stderr.splitlines() if line.strip()]
            raise CommandError(f"{arguments[0]} ended with {ended.returncode}: {said[-1] if said else 'no message'}")
        return time.monotonic() - began

    def train(self, data: Path, folder: Path, seed: int, net: str) -> float:
        energy = ["--net", net] if net != "score" else []
        return self._run("train", data, "-o", folder, "--seed", str(seed), *energy, *self.train_options)

    def sample(self, folder: Path, out: Path, count: int, seed: int) -> float:
        return self._run("sample", folder / "model.safetensors", "-n", str(count), "-o", out, "--seed", str(seed),
                         *self.sample_options)

    def likelihood(self, folder: Path, rows: Path, out: Path) -> float:
        return self._run("likelihood", folder / "model.safetensors", rows, "-o", out)


def cores() -> int:
    return len(os.sched_getaffinity(0))


def recorded_options(model: Path) -> dict[str, str]:
    """The options of `train` that the model file records, by name; empty if it records none."""
    with open(model, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        metadata = json.loads(file.read(size)).get("__metadata__", {})
    prefix = "user.train."
    return {key.removeprefix(prefix): value for key, value in metadata.items() if key.startswith(prefix)}
