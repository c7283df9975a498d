"""Checkpoints: a model, with the state that is needed to continue its training."""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from ctypes import POINTER, byref, c_char_p, c_double, c_int32, c_int64, c_void_p, cast
from typing import Any, Optional

import numpy as np

from . import structs
from .adam import Snapshot
from .library import Handle, call, encoded, get
from .net import Net
from .noise import Position

_Array = np.ndarray[Any, Any]
Standardization = tuple[_Array, _Array, Optional[_Array], Optional[_Array]]
"""(mean, scale, warp, mixing), as Checkpoint.standardization explains."""


class Checkpoint(Handle):
    """A model to sample from, on the host. Assign its adam and noise to make it one to continue the training of.

    checkpoint["key"] is a string of your own, or None; assign None to remove it.
    """

    def __init__(self, net: Net, params: Any) -> None:
        """params: [P], what numpy.asarray takes, converted to float32 and copied.

        Raises Error invalid_argument for another number of parameters.
        """
        host = np.ascontiguousarray(params, np.float32)
        super().__init__("checkpoint", "checkpoint_create", net._handle, host.ctypes.data, host.size)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Checkpoint:
        """Reads a file of the safetensors format. Raises Error io if it is missing, truncated or malformed."""
        checkpoint = cls.__new__(cls)
        handle = c_void_p()
        call("checkpoint_load", os.fsencode(path), byref(handle))
        checkpoint._adopt("checkpoint", handle)
        return checkpoint

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a new file and renames it, so that an interrupted save leaves the old one. Raises Error io."""
        call("checkpoint_save", self._handle, os.fsencode(path))

    @property
    def net(self) -> Net:
        """The network."""
        handle = c_void_p()
        call("checkpoint_net", self._handle, byref(handle))
        return Net._of("net", handle)

    @property
    def params(self) -> _Array:
        """A copy of the parameters, float32 [P]."""
        return self._values("checkpoint_params")

    @property
    def sampling_params(self) -> _Array:
        """A copy of the parameters to sample with, float32 [P]: the best ones if the file says so, else Adam's average
        if it has settled, else the last ones."""
        return self._values("checkpoint_sampling_params")

    def _values(self, getter: str) -> _Array:
        values = np.empty(self.net.param_count, np.float32)
        call(getter, self._handle, values.ctypes.data, values.size)
        return values

    @property
    def adam(self) -> Snapshot | None:
        """The state of the Adam, or None."""
        handle = c_void_p()
        call("checkpoint_adam", self._handle, byref(handle))
        return Snapshot._of("adam_snapshot", handle) if handle.value else None

    @adam.setter
    def adam(self, snapshot: Snapshot | None) -> None:
        call("checkpoint_set_adam", self._handle, None if snapshot is None else snapshot._handle)

    @property
    def noise(self) -> Position:
        """The position in the noise at which training continues."""
        at = get("checkpoint_noise", self._handle, structs.Position)
        return Position(at.seed, at.step, at.first_sample)

    @noise.setter
    def noise(self, position: Position) -> None:
        call("checkpoint_set_noise", self._handle, byref(structs.Position(*position)))

    @property
    def standardization(self) -> Standardization | None:
        """(mean, scale, warp, mixing) in float64: with z = mixing @ model, column by column data = mean + scale * z, or
        if warp > 0 mean + scale * sinh(y sqrt(1 + y**2 / 4)) / warp with y = warp z. None: the model's units are the
        data's. A scale of 0 marks a constant column, which is no input of the network; mixing has a row for each other
        column. Warp and mixing may be None, or left out when you assign.

        Raises ValueError for arrays of other sizes."""
        mean, scale, warp, mixing = (c_void_p() for _ in range(4))
        columns = c_int32()
        places = (byref(each) for each in (mean, scale, warp, mixing, columns))
        call("checkpoint_standardization", self._handle, *places)
        if columns.value == 0:
            return None

        def copied(pointer: c_void_p, shape: tuple[int, ...]) -> Any:
            return np.ctypeslib.as_array(cast(pointer, POINTER(c_double)), shape).copy() if pointer else None

        every = (columns.value,)
        scales = copied(scale, every)
        mixed = copied(mixing, (int(np.count_nonzero(scales)), self.net.dim))
        return copied(mean, every), scales, copied(warp, every), mixed

    @standardization.setter
    def standardization(self, units: Any) -> None:
        if units is None:
            call("checkpoint_set_standardization", self._handle, None, None, None, None, 0)
            return
        arrays: list[Any] = [
            None if each is None else np.ascontiguousarray(each, np.float64) for each in (*units, None, None)[:4]
        ]
        mean, scale, warp, mixing = arrays
        for name, each in (("scale", scale), ("warp", warp)):
            if each is not None and each.shape != mean.shape:
                raise ValueError(f"standardization: expected as many {name}s as means, {mean.size}, got {each.size}")
        expected = (int(np.count_nonzero(scale)), self.net.dim)
        if mixing is not None and mixing.shape != expected:
            raise ValueError(f"standardization: expected mixing of shape {expected}, got {mixing.shape}")
        pointers = (None if each is None else each.ctypes.data for each in arrays)
        call("checkpoint_set_standardization", self._handle, *pointers, mean.size)

    @property
    def loss(self) -> str | None:
        """The training loss, as a text for LossPlan, or None. Sampling uses its noise levels."""
        value: bytes | None = get("checkpoint_loss", self._handle, c_char_p)
        return None if value is None else value.decode()

    @loss.setter
    def loss(self, loss: str | None) -> None:
        call("checkpoint_set_loss", self._handle, encoded(loss))

    def __getitem__(self, key: str) -> str | None:
        """One of your strings, or None."""
        value: bytes | None = get("checkpoint_metadata", self._handle, c_char_p, encoded(key))
        return None if value is None else value.decode()

    def __setitem__(self, key: str, value: str | None) -> None:
        """Sets one of your strings; None removes it."""
        call("checkpoint_set_metadata", self._handle, encoded(key), encoded(value))

    @property
    def arrays(self) -> MutableMapping[str, _Array]:
        """Your own float64 arrays of one axis by name, like a dict; for example, a history of losses. What you get is a
        copy. Raises KeyError for an absent name, ValueError for an array of more axes."""
        return _Arrays(self)


class _Arrays(MutableMapping[str, _Array]):
    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint

    def __getitem__(self, key: str) -> _Array:
        values, count = c_void_p(), c_int64()
        call("checkpoint_array", self._checkpoint._handle, encoded(key), byref(values), byref(count))
        if not values:
            raise KeyError(key)
        lent = cast(values, POINTER(c_double))
        return np.ctypeslib.as_array(lent, shape=(count.value,)).copy()

    def __setitem__(self, key: str, values: Any) -> None:
        host = np.ascontiguousarray(values, np.float64)
        if host.ndim != 1:
            raise ValueError(f"{key}: expected one axis, got {host.ndim}")
        call("checkpoint_set_array", self._checkpoint._handle, encoded(key), host.ctypes.data, host.size)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        call("checkpoint_set_array", self._checkpoint._handle, encoded(key), None, 0)

    def __iter__(self) -> Iterator[str]:
        index = 0
        while (key := get("checkpoint_array_key", self._checkpoint._handle, c_char_p, index)) is not None:
            yield key.decode()
            index += 1

    def __len__(self) -> int:
        return sum(1 for _ in self)
