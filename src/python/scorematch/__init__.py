"""scorematch from Python: its C interface (docs/c-interface.md) by ctypes, for NumPy arrays and PyTorch tensors.

SCOREMATCH_LIBRARY names the library file. The default is the libscorematch.so that the system's linker finds.

Arrays are NumPy arrays, PyTorch tensors or Buffers, float32 (and float64 on the reference engine), passed in place:
an engine on the host computes in the memory of the array itself. There may be gaps between rows, for example if the
columns are part of a wider table, but not between elements of a row. Enqueued work on a GPU uses its arrays until you
wait for the queue, so keep them alive.
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
