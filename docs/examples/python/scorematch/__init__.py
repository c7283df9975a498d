"""scorematch from Python: its C interface (docs/c-interface.md) by ctypes, for NumPy arrays and PyTorch tensors.

The library is the file that SCOREMATCH_LIBRARY names, else libscorematch.so where the system's linker finds it.

Arrays are NumPy arrays, PyTorch tensors or Buffers, float32 (and float64 on the reference engine), passed in place:
an engine on the host computes in the memory of the array itself. Rows may be apart, like those of columns of a wider
table; elements of a row may not. What is enqueued on a GPU uses its arrays until you wait for the queue: keep them.
"""

from .engine import Engine, Estimate, Layer, Net, Noise, Position, Queue
from .library import Error, version
from .memory import Buffer, View
from .plans import DirectionPlan, HeadPlan, LossPlan, PerturbPlan, ScorePlan
from .sampling import LikelihoodPlan, SamplerPlan
from .training import Adam, Checkpoint, Progress, Snapshot

__all__ = [
    "Adam",
    "Buffer",
    "Checkpoint",
    "DirectionPlan",
    "Engine",
    "Error",
    "Estimate",
    "HeadPlan",
    "Layer",
    "LikelihoodPlan",
    "LossPlan",
    "Net",
    "Noise",
    "PerturbPlan",
    "Position",
    "Progress",
    "Queue",
    "SamplerPlan",
    "ScorePlan",
    "Snapshot",
    "View",
    "version",
]
