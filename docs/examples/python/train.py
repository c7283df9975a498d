"""Denoising score matching on points of a circle, and new points from the model: docs/examples/quick.cpp in Python."""

import sys

try:
    import numpy as np
except ImportError:
    sys.exit(77)  # skipped: NumPy is not installed
import scorematch as sm

t = np.arange(4096) * 0.01
circle = 0.7 * np.stack([np.cos(t), np.sin(t)], axis=1).astype(np.float32)

engine = sm.Engine.best()
net = sm.Net("dim=2 hidden=64,64 parameterization=edm conditioning=log_sigma")
plan = sm.LossPlan(engine, net, "objective=dsm schedule=log_normal weighting=edm", max_batch=512)
sampler = sm.SamplerPlan(engine, net, "sampler=flow sigma_min=0.01 sigma_max=10 steps=24", max_batch=1000)
queue = sm.Queue(engine, max(plan.workspace_bytes, sampler.workspace_bytes))

x, params = engine.upload(circle), engine.upload(net.initial_params(seed=1))
grad, loss = engine.zeros(net.param_count), engine.estimate()
noise = sm.Noise(engine, 2)
adam = sm.Adam(engine, net.param_count, "learning_rate=0.001 ema_decay=0.99")
for step in range(2000):
    plan.run(queue, params=params, x=x, noise=noise, draw_rows=512, loss=loss, grad=grad)
    adam.step(queue, params, grad)
    noise.advance(queue)
last = queue.read_estimate(loss)
print(f"loss {last.mean:.3f} +- {last.standard_error:.3f}")

samples = engine.zeros((1000, 2))
sampler.run(queue, noise, samples, params=adam.ema)
radius = np.linalg.norm(queue.read(samples), axis=1)
print(f"radius {radius.mean():.3f}, give or take {radius.std():.3f}")
assert last.mean < 0.9  # about 1 before training
assert abs(radius.mean() - 0.7) < 0.1 and radius.std() < 0.2
