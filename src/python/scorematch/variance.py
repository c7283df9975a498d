"""How noisy a loss's gradient is, and whether data, noise or directions make it so."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_size_t
from typing import NamedTuple

from . import structs
from .arrays import Array
from .engine import Engine, Queue
from .library import Handle, call, encoded, get
from .net import Net
from .plans import filled


class Measured(NamedTuple):
    """An unbiased estimate and its standard error."""

    value: float
    standard_error: float


class GradientMoments(NamedTuple):
    """Of the gradient g of one sample's loss. trace = data + noise + directions; small parts may be negative."""

    trace: Measured
    """tr Cov g. That of the gradient of a batch of n independent samples is trace / n."""
    data: Measured
    """The part of the rows."""
    noise: Measured
    """The part of sigma, eps and dropped contexts."""
    directions: Measured
    """The part of the directions, which falls as 1/M."""
    squared_mean: Measured
    """|E g|^2."""
    signal_to_noise: Measured
    """squared_mean / trace, of one sample."""


class GradientVariance(Handle):
    """Measures GradientMoments by independent batches, the probes, with two or three gradients each.

    docs/math.md, "The variance of a gradient", derives the estimates. The host holds one gradient per probe.
    """

    def __init__(
        self, engine: Engine, net: Net, loss: str, batch: int, probes: int = 32, compute: str | None = None
    ) -> None:
        """
        loss, compute: as of LossPlan.
        batch: samples per probe. probes: at least 3; standard errors fall as 1 / sqrt(probes).
        Raises Error invalid_argument that names what is at fault, and unsupported for esm.
        """
        super().__init__(
            "gradient_variance",
            "gradient_variance_create",
            engine._handle,
            net._handle,
            encoded(loss),
            batch,
            probes,
            encoded(compute),
        )

    def measure(
        self,
        queue: Queue,
        *,
        params: Array,
        x: Array,
        seed: int,
        context: Array | None = None,
        present: Array | None = None,
        labels: Array | None = None,
    ) -> GradientMoments:
        """Measures, and waits for the queue.

        params: [P]. x: [R, d], from which rows are drawn with replacement.
        seed: of rows, noise and directions: the same seed repeats a measurement, also at other parameters.
        context: [R, c] or [1, c], for a net with a context. present: [R]. labels: [R] or [1] int64, in its place.
        """
        values = {"params": params, "x": x, "seed": seed, "context": context, "present": present, "labels": labels}
        given = filled(structs.GradientVarianceIn, queue, False, values)
        moments = structs.GradientMoments(ctypes.sizeof(structs.GradientMoments))
        call("gradient_variance_measure", self._handle, queue._handle, byref(given), byref(moments))
        parts = (getattr(moments, name) for name in GradientMoments._fields)
        return GradientMoments(*(Measured(part.value, part.standard_error) for part in parts))

    @property
    def workspace_bytes(self) -> int:
        """The scratch memory that measure() needs from its queue, in bytes."""
        return int(get("gradient_variance_workspace_bytes", self._handle, c_size_t))
