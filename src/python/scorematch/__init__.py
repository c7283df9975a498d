"""Score matching for NumPy and PyTorch: losses with their gradients, samplers, likelihoods, Adam, checkpoints.

docs/python.md is an introduction. Arrays are NumPy arrays, PyTorch tensors, Buffers, or arrays of another library with
DLPack or the CUDA array interface. They are float32 (and float64 on the reference engine) and used in place: an engine
on the host computes in the memory of the array itself. There may be gaps between rows, for example if the columns are
part of a wider table, but not between elements of a row. Enqueued work on a GPU uses its arrays until you wait for the
queue, so keep them alive.

What the library refuses is raised as Error. An object that cannot be passed to it is a TypeError or a ValueError. All
of them name the argument, what was expected and what was given.
"""

from .adam import Adam, ParamGroup, Progress, Snapshot, bias_groups, layer_group
from .arrays import Array
from .checkpoint import Checkpoint
from .ema import Ema
from .engine import Engine, Estimate, Queue
from .executor import ExecutorLike, RunParts
from .library import Error, version
from .memory import Buffer, View
from .net import Layer, Net
from .noise import Noise, NoiseLike, NoisePlace, Position
from .own_network import NetworkCall, OwnNetwork
from .parts import DirectionPlan, HeadPlan, PerturbPlan
from .plans import LossPlan, Plan, ScorePlan
from .sampling import LikelihoodPlan, SamplerPlan
from .variance import GradientMoments, GradientVariance, Measured

__version__ = version

__all__ = [
    "Adam",
    "Array",
    "Buffer",
    "Checkpoint",
    "DirectionPlan",
    "Ema",
    "Engine",
    "Error",
    "Estimate",
    "ExecutorLike",
    "GradientMoments",
    "GradientVariance",
    "HeadPlan",
    "Layer",
    "LikelihoodPlan",
    "LossPlan",
    "Measured",
    "Net",
    "NetworkCall",
    "Noise",
    "NoiseLike",
    "NoisePlace",
    "OwnNetwork",
    "ParamGroup",
    "PerturbPlan",
    "Plan",
    "Position",
    "Progress",
    "Queue",
    "RunParts",
    "SamplerPlan",
    "ScorePlan",
    "Snapshot",
    "View",
    "bias_groups",
    "layer_group",
    "version",
]
