"""The library's own arrays: memory where an engine computes."""

from __future__ import annotations

from ctypes import c_void_p
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import DTYPE_NAMES, dense_view
from .library import Handle, get

if TYPE_CHECKING:
    from .engine import Engine


class View:
    """Memory that another object owns, such as the arguments of a score function or the average of an Adam.

    A plan takes it like an array. On the host it has NumPy's array interface, on a GPU CUDA's, so that
    numpy.asarray(view), or torch.as_tensor(view, device="cuda"), is the same memory.
    """

    def __init__(self, view: Any, on_host: bool, owner: Any = None) -> None:
        self._view, self.on_host, self._owner = view, on_host, owner

    @property
    def shape(self) -> tuple[int, ...]:
        """The extents of the one to three axes."""
        return tuple(self._view.shape.extent[: self._view.shape.rank])

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32, float64 or int64."""
        return np.dtype(DTYPE_NAMES[self._view.dtype])

    @property
    def address(self) -> int:
        """The address of the memory; on the device with the cuda engine."""
        return int(self._view.data or 0)

    def numpy(self) -> np.ndarray[Any, Any]:
        """The memory itself as an array, which keeps this object alive. Raises ValueError on the cuda engine."""
        if not self.on_host:
            raise ValueError("numpy: expected host memory, got device memory; Queue.read copies it to the host")
        return np.asarray(self)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        if not self.on_host:
            raise AttributeError("__array_interface__: expected host memory, got device memory")
        return self._interface()

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        if self.on_host:
            raise AttributeError("__cuda_array_interface__: expected device memory, got host memory")
        return {**self._interface(), "stream": None}

    def _interface(self) -> dict[str, Any]:
        strides = [self._view.stride[axis] * self.dtype.itemsize for axis in range(self._view.shape.rank)]
        return {
            "version": 3,
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self.address, False),
            "strides": tuple(strides),
        }


class Buffer(View, Handle):
    """An array in engine memory, which lives as long as this object; Engine.zeros and Engine.upload make it."""

    def __init__(self, create: str, engine: Engine, shape: tuple[int, ...], dtype: str, *arguments: Any) -> None:
        Handle.__init__(self, "buffer", create, engine._handle, *arguments)
        View.__init__(self, dense_view(get("buffer_data", self._handle, c_void_p), dtype, shape), engine.on_host)
