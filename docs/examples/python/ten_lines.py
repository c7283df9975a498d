"""Ten lines to a loss and its gradient."""

import sys

try:
    import numpy as np
except ImportError:
    sys.exit(77)  # skipped: NumPy is not installed
import scorematch as sm

engine = sm.Engine.best()
net = sm.Net("dim=2 hidden=64,64 parameterization=edm conditioning=log_sigma")
plan = sm.LossPlan(engine, net, "objective=dsm schedule=log_normal weighting=edm", max_batch=256)
queue = sm.Queue(engine, plan.workspace_bytes)
x = engine.upload(np.random.default_rng(0).standard_normal((256, 2), dtype=np.float32))
params, grad = engine.upload(net.initial_params(seed=1)), engine.zeros(net.param_count)
noise, loss = sm.Noise(engine, 2), engine.estimate()
plan.run(queue, params=params, x=x, noise=noise, loss=loss, grad=grad)
result, gradient = queue.read_estimate(loss), queue.read(grad)
print(f"loss {result.mean:.3f} +- {result.standard_error:.3f}, gradient norm {np.linalg.norm(gradient):.3f}")
