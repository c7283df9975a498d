"""The noise: random numbers as a function of a seed, a step and a sample."""

from __future__ import annotations

from ctypes import byref
from typing import Any, NamedTuple, Union

from . import structs
from .engine import Engine, Queue
from .library import Handle, call


class Position(NamedTuple):
    """A position in the noise: the seed, the optimizer step (below 2**40), and which sample of the whole batch is
    row 0 (below 2**48)."""

    seed: int
    step: int = 0
    first_sample: int = 0


class Noise(Handle):
    """The position of a training run in the noise, in the engine's memory. The same position gives the same numbers on
    every engine."""

    def __init__(self, engine: Engine, position: Position | int) -> None:
        """position: a Position, or a seed for its beginning. Raises Error invalid_argument if it is out of range."""
        place = position if isinstance(position, Position) else Position(position)
        super().__init__("noise", "noise_create", engine._handle, byref(structs.Position(*place)))

    def advance(self, queue: Queue) -> None:
        """Advances to the noise of the next step. Call it once per optimizer step."""
        call("noise_advance", self._handle, queue._handle)

    def set(self, queue: Queue, position: Position) -> None:
        """Goes to another position. Raises Error invalid_argument if it is out of range."""
        call("noise_set", self._handle, queue._handle, byref(structs.Position(*position)))

    def read(self, queue: Queue) -> Position:
        """The position, on the host. Waits for the queue."""
        at = structs.Position()
        call("noise_read", self._handle, queue._handle, byref(at))
        return Position(at.seed, at.step, at.first_sample)

    def starting_at(self, sample: int) -> NoisePlace:
        """The same noise with row 0 at sample `sample`, for a micro-batch."""
        return NoisePlace(self, sample)


class NoisePlace(NamedTuple):
    """A noise whose row 0 is sample `sample`; Noise.starting_at makes it."""

    noise: Noise
    sample: int


NoiseLike = Union[Noise, NoisePlace, None]
"""What a call draws from. None: everything that it needs is given."""


def noise_ref(noise: NoiseLike) -> Any:
    """The struct for a noise. Raises TypeError for another object."""
    if noise is None:
        return structs.NoiseRef()
    if isinstance(noise, Noise):
        noise = noise.starting_at(0)
    if not isinstance(noise, NoisePlace):
        raise TypeError(f"noise: expected a Noise or Noise.starting_at(...), got {type(noise).__name__}")
    return structs.NoiseRef(noise.noise._handle, noise.sample)
