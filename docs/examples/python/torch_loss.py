"""The library's loss in a training loop of PyTorch, on points of a circle, and new points from the model."""

import sys

try:
    import numpy as np
    import torch
except ImportError:
    sys.exit(77)  # skipped: NumPy or PyTorch is not installed
import scorematch as sm
from scorematch.torch import ScoreMatchingLoss

t = torch.arange(4096) * 0.01
circle = 0.7 * torch.stack([torch.cos(t), torch.sin(t)], dim=1)

engine = sm.Engine.best() if torch.cuda.is_available() else sm.Engine.cpu()
device = "cpu" if engine.on_host else "cuda"
net = sm.Net("dim=2 hidden=64,64 parameterization=edm conditioning=log_sigma")
loss_of = ScoreMatchingLoss(engine, net, "objective=dsm schedule=log_normal weighting=edm", max_batch=512)

x = circle.to(device)
params = torch.from_numpy(net.initial_params(seed=1)).to(device).requires_grad_()
noise = sm.Noise(engine, 2)
optimizer = torch.optim.Adam([params], lr=1e-3)
for step in range(2000):
    result = loss_of(params, x, noise, draw_rows=512)
    optimizer.zero_grad()
    result.loss.backward()
    optimizer.step()
    noise.advance(loss_of.queue)
last = result.read()
print(f"loss {last.mean:.3f} +- {last.standard_error:.3f}")

sampler = sm.SamplerPlan(engine, net, "sampler=flow sigma_min=0.01 sigma_max=10 steps=24", max_batch=1000)
queue = sm.Queue(engine, sampler.workspace_bytes, loss_of.queue.stream)
samples = torch.empty(1000, 2, device=device)
sampler.run(queue, noise, samples, params=params.detach())
radius = np.linalg.norm(queue.read(samples), axis=1)
print(f"radius {radius.mean():.3f}, give or take {radius.std():.3f}")
assert last.mean < 0.9  # about 1 before training
assert abs(radius.mean() - 0.7) < 0.1 and radius.std() < 0.2
