"""What the tests of the Python package share. Ends the process with 77, skipped, if NumPy is not installed.

They test the sources, or, with SCOREMATCH_TEST_INSTALLED set, the package that is installed.
"""

import os
import sys

try:
    import numpy as np
except ImportError:
    print("skipped: NumPy is not installed")
    sys.exit(77)
SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src", "python")
if "SCOREMATCH_TEST_INSTALLED" not in os.environ:
    sys.path.insert(0, SOURCES)
import scorematch as sm

NET = "dim=5 hidden=24,17"
LOSS = "objective=dsm schedule=single sigma=0.5 weighting=sigma2"
BATCH = 96


def sines():
    """The data of tests/package/consumer/main.cpp."""
    return np.sin(np.arange(BATCH * 5, dtype=np.float64)).astype(np.float32).reshape(BATCH, 5)


def host_engine():
    try:
        return sm.Engine.cpu()
    except sm.Error as error:
        assert error.kind == "unsupported"
        return sm.Engine.reference()


class Loss:
    """A loss and gradient on `engine`, in the memory of NumPy arrays."""

    def __init__(self, engine, dtype=np.float32):
        self.engine = engine
        self.net = sm.Net(NET)
        self.plan = sm.LossPlan(engine, self.net, LOSS, BATCH)
        self.queue = sm.Queue(engine, self.plan.workspace_bytes)
        self.params = self.net.initial_params(1, "torch").astype(dtype)
        self.grad = np.empty(self.net.param_count, dtype)
        self.place = engine.estimate()
        self.noise = sm.Noise(engine, 2)

    def __call__(self, x, **more):
        given = {"params": self.params, "x": x, "noise": self.noise, "loss": self.place, "grad": self.grad, **more}
        self.plan.run(self.queue, **given)
        return self.queue.read_estimate(self.place)
