"""Adam and checkpoints."""

import os
from collections.abc import MutableMapping
from ctypes import POINTER, byref, c_char_p, c_double, c_int32, c_int64, c_void_p, cast
from typing import NamedTuple

import numpy as np

from . import structs
from .engine import Net, Position
from .library import Handle, call, encoded, get
from .memory import View, view_of


class Progress(NamedTuple):
    """The progress of an Adam: rate, the last gradient's norm, steps taken, steps skipped."""

    learning_rate: float
    grad_norm: float
    step: int
    skipped: int


def progress_of(function, *handles):
    value = structs.Progress()
    call(function, *handles, byref(value))
    return Progress(value.learning_rate, value.grad_norm, value.step, value.skipped)


class Snapshot(Handle):
    """The whole state of an Adam, on the host."""

    @property
    def options(self):
        return get("adam_snapshot_options", self._handle, c_char_p).decode()

    @property
    def progress(self):
        return progress_of("adam_snapshot_progress", self._handle)


class Adam(Handle):
    """Adam with decoupled decay, clipping and an average: "learning_rate=1e-3 ema_decay=0.999", for example."""

    def __init__(self, engine, param_count, options=None):
        super().__init__("adam", "adam_create", engine._handle, param_count, encoded(options))
        self._on_host = engine.on_host

    def step(self, queue, params, grad, loss_scale=0):
        to = view_of(params, "params", queue.on_host, written=True)
        by = view_of(grad, "grad", queue.on_host)
        call("adam_step", self._handle, queue._handle, byref(to), byref(by), loss_scale)

    def set_learning_rate(self, queue, learning_rate):
        call("adam_set_learning_rate", self._handle, queue._handle, learning_rate)

    @property
    def ema(self):
        """The average of the parameters, in place."""
        return View(get("adam_ema", self._handle, structs.View), self._on_host, owner=self)

    def progress(self, queue):
        return progress_of("adam_get_progress", self._handle, queue._handle)

    def snapshot(self, queue):
        handle = c_void_p()
        call("adam_take_snapshot", self._handle, queue._handle, byref(handle))
        return Snapshot._of("adam_snapshot", handle)

    def restore(self, queue, snapshot):
        """The moments, the average and the numbers of steps. The options and the learning rate stay."""
        call("adam_restore", self._handle, queue._handle, snapshot._handle)


class Checkpoint(Handle):
    """A model, with the state that is needed to continue its training."""

    def __init__(self, net, params):
        host = np.ascontiguousarray(params, np.float32)
        super().__init__("checkpoint", "checkpoint_create", net._handle, host.ctypes.data, host.size)

    @classmethod
    def load(cls, path):
        checkpoint = cls.__new__(cls)
        handle = c_void_p()
        call("checkpoint_load", os.fsencode(path), byref(handle))
        checkpoint._adopt("checkpoint", handle)
        return checkpoint

    def save(self, path):
        call("checkpoint_save", self._handle, os.fsencode(path))

    @property
    def net(self):
        handle = c_void_p()
        call("checkpoint_net", self._handle, byref(handle))
        return Net._of("net", handle)

    @property
    def params(self):
        return self._values("checkpoint_params")

    @property
    def sampling_params(self):
        """Adam's average if it has settled, else the parameters."""
        return self._values("checkpoint_sampling_params")

    def _values(self, getter):
        values = np.empty(self.net.param_count, np.float32)
        call(getter, self._handle, values.ctypes.data, values.size)
        return values

    @property
    def adam(self):
        """A Snapshot, or None."""
        handle = c_void_p()
        call("checkpoint_adam", self._handle, byref(handle))
        return Snapshot._of("adam_snapshot", handle) if handle.value else None

    @adam.setter
    def adam(self, snapshot):
        call("checkpoint_set_adam", self._handle, None if snapshot is None else snapshot._handle)

    @property
    def noise(self):
        at = get("checkpoint_noise", self._handle, structs.Position)
        return Position(at.seed, at.step, at.first_sample)

    @noise.setter
    def noise(self, position):
        call("checkpoint_set_noise", self._handle, byref(structs.Position(*position)))

    @property
    def standardization(self):
        """(mean, scale, warp, mixing) in float64: with z = mixing @ model, column by column data = mean + scale * z, or
        if warp > 0 mean + scale * sinh(y sqrt(1 + y**2 / 4)) / warp with y = warp z. None: the model's units are the
        data's. A scale of 0 marks a constant column, which is no input of the network; mixing has a row for each other
        column. Warp and mixing may be None."""
        mean, scale, warp, mixing = (c_void_p() for _ in range(4))
        columns = c_int32()
        places = (byref(each) for each in (mean, scale, warp, mixing, columns))
        call("checkpoint_standardization", self._handle, *places)
        if columns.value == 0:
            return None

        def copied(pointer, shape):
            return np.ctypeslib.as_array(cast(pointer, POINTER(c_double)), shape).copy() if pointer else None

        every = (columns.value,)
        mean, scale, warp = copied(mean, every), copied(scale, every), copied(warp, every)
        return mean, scale, warp, copied(mixing, (np.count_nonzero(scale), self.net.dim))

    @standardization.setter
    def standardization(self, units):
        if units is None:
            return call("checkpoint_set_standardization", self._handle, None, None, None, None, 0)
        mean, scale, warp, mixing = (
            None if each is None else np.ascontiguousarray(each, np.float64) for each in (*units, None, None)[:4]
        )
        for name, each in (("scale", scale), ("warp", warp)):
            if each is not None and each.shape != mean.shape:
                raise ValueError(f"standardization: expected as many {name}s as means, {mean.size}, got {each.size}")
        expected = (np.count_nonzero(scale), self.net.dim)
        if mixing is not None and mixing.shape != expected:
            raise ValueError(f"standardization: expected mixing of shape {expected}, got {mixing.shape}")
        pointers = (None if each is None else each.ctypes.data for each in (mean, scale, warp, mixing))
        call("checkpoint_set_standardization", self._handle, *pointers, mean.size)

    @property
    def loss(self):
        """The training loss, as a text for LossPlan, or None. Sampling uses its noise levels."""
        value = get("checkpoint_loss", self._handle, c_char_p)
        return None if value is None else value.decode()

    @loss.setter
    def loss(self, loss):
        call("checkpoint_set_loss", self._handle, None if loss is None else encoded(loss))

    def __getitem__(self, key):
        """One of your strings, or None."""
        value = get("checkpoint_metadata", self._handle, c_char_p, encoded(key))
        return None if value is None else value.decode()

    def __setitem__(self, key, value):
        call("checkpoint_set_metadata", self._handle, encoded(key), encoded(value))

    @property
    def arrays(self):
        """Your own float64 arrays by name, like a dict; for example, a history of losses."""
        return _Arrays(self)


class _Arrays(MutableMapping):
    def __init__(self, checkpoint):
        self._checkpoint = checkpoint

    def __getitem__(self, key):
        """A copy."""
        values, count = c_void_p(), c_int64()
        call("checkpoint_array", self._checkpoint._handle, encoded(key), byref(values), byref(count))
        if not values:
            raise KeyError(key)
        lent = cast(values, POINTER(c_double))
        return np.ctypeslib.as_array(lent, shape=(count.value,)).copy()

    def __setitem__(self, key, values):
        host = np.ascontiguousarray(values, np.float64)
        if host.ndim != 1:
            raise ValueError(f"{key}: expected one axis, got {host.ndim}")
        call("checkpoint_set_array", self._checkpoint._handle, encoded(key), host.ctypes.data, host.size)

    def __delitem__(self, key):
        if key not in self:
            raise KeyError(key)
        call("checkpoint_set_array", self._checkpoint._handle, encoded(key), None, 0)

    def __iter__(self):
        index = 0
        while (key := get("checkpoint_array_key", self._checkpoint._handle, c_char_p, index)) is not None:
            yield key.decode()
            index += 1

    def __len__(self):
        return sum(1 for _ in self)
