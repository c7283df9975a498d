"""Samples and likelihoods of a network that is not the library's."""

import sys

try:
    import numpy as np
except ImportError:
    sys.exit(77)  # skipped: NumPy is not installed
import scorematch as sm

engine = sm.Engine.best()
if not engine.on_host:
    engine = sm.Engine.reference()  # NumPy needs arrays on the host


def factor(z):
    """F(z) = factor z[:, :2] is the EDM network, with sigma_data 0.5, of data from N(0, 1); z[:, 2] is ln sigma."""
    square = np.exp(2 * z[:, 2:])
    return (1 - (square + 0.25) / (square + 1)) * np.sqrt(square) / 0.5


def evaluate(queue, call):
    z = call.net_input.numpy()
    call.output.numpy()[:] = factor(z) * z[:, :2]
    if call.jvp is not None:
        call.jvp.numpy()[:] = factor(z) * call.directions.numpy()


net = sm.OwnNetwork(2, evaluate, "parameterization=edm sigma_data=0.5 conditioning=log_sigma")
flow = sm.SamplerPlan(engine, net, "sampler=flow sigma_min=0.01 sigma_max=20 steps=24", 1000)
density = sm.LikelihoodPlan(engine, net, "sigma_min=0.01 sigma_max=20 prior_deviation=1", 1000)
queue = sm.Queue(engine, max(flow.workspace_bytes, density.workspace_bytes))
samples, nats = np.empty((1000, 2), np.float32), np.empty(1000, np.float32)
flow.run(queue, sm.Noise(engine, 1), samples)
density.run(queue, samples, log_likelihood=nats)
error = np.max(np.abs(nats + np.log(2 * np.pi) + (samples**2).sum(1) / 2))
print(f"variance {samples.var():.3f}, log-likelihoods within {error:.1e} nats of the density's")
sys.exit(0 if abs(samples.var() - 1) < 0.15 and error < 0.01 else 1)
