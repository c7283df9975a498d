"""The library's networks: what they are, and their parameters."""

from __future__ import annotations

from ctypes import c_char_p, c_int32, c_int64
from typing import Any, NamedTuple

import numpy as np

from . import structs
from .library import Handle, call, encoded, get


class Layer(NamedTuple):
    """Offsets, in elements of the parameters, of weight [outputs, inputs] and bias [outputs]."""

    inputs: int
    outputs: int
    weight: int
    bias: int


class Net(Handle):
    """A network described by text: "dim=2 hidden=64,64 parameterization=edm conditioning=log_sigma", for example.

    docs/c-interface.md lists the keys. A Net has no parameters: calls take them as one array [P].
    """

    def __init__(self, text: str) -> None:
        """Raises Error invalid_argument that names the key at fault."""
        super().__init__("net", "net_create", encoded(text))

    @property
    def text(self) -> str:
        """A text that makes the same network, with every key."""
        text: bytes = get("net_text", self._handle, c_char_p)
        return text.decode()

    @property
    def dim(self) -> int:
        """d, the dimension of the samples."""
        return int(get("net_dim", self._handle, c_int32))

    @property
    def param_count(self) -> int:
        """P, the number of parameters."""
        return int(get("net_param_count", self._handle, c_int64))

    @property
    def layers(self) -> list[Layer]:
        """The places of weights and biases in the parameters, in torch.nn.Linear's layout and order."""
        each = [
            get("net_layer", self._handle, structs.Layer, k)
            for k in range(get("net_layer_count", self._handle, c_int32))
        ]
        return [Layer(layer.inputs, layer.outputs, layer.weight, layer.bias) for layer in each]

    def initial_params(self, seed: int, initialization: str = "variance_preserving") -> np.ndarray[Any, Any]:
        """Random parameters, float32 [P], on the host.

        initialization: "variance_preserving", or "torch" for the distribution of torch.nn.Linear.
        Raises Error invalid_argument for another one.
        """
        params = np.empty(self.param_count, np.float32)
        call("net_initial_params", self._handle, encoded(initialization), seed, params.ctypes.data, params.size)
        return params
