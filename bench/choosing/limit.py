#!/usr/bin/env python3
"""The limit in which both questions meet: for small sigma an antithetic pair of denoising is sliced score matching with one
Gaussian direction. Trains a small network, measures the variance of one sample's gradient for both and for plain denoising, and
how much the gradients of the pair and of the sliced loss differ for the same x and the same eps = v. Prints a table, and ends with
1 if the two do not meet.

    limit.py [--write docs/images/antithetic-limit.png]
"""
from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src/python"), str(ROOT / "bench/output")]

import scorematch as sm
from aligned import table
from densities import mixture

DIM, STEPS, BATCH, PROBES = 16, 1500, 256, 200
NET = f"dim={DIM} hidden=64,64"  # one score for every level
ESTIMATORS = {"dsm": "objective=dsm", "control_variate": "objective=dsm variance=control_variate",
              "antithetic": "objective=dsm variance=antithetic", "ssm_vr": "objective=ssm_vr distribution=gaussian"}
LEVELS = [float(each) for each in np.geomspace(1e-3, 1, 10)]


def trained(engine: sm.Engine, net: sm.Net, x: Any) -> Any:
    plan = sm.LossPlan(engine, net, "objective=dsm schedule=single sigma=0.3 weighting=sigma2", BATCH)
    queue, noise = sm.Queue(engine, plan.workspace_bytes), sm.Noise(engine, 2)
    params, grad = net.initial_params(1), np.empty(net.param_count, np.float32)
    adam = sm.Adam(engine, net.param_count, "learning_rate=0.003")
    for _ in range(STEPS):
        plan.run(queue, params=params, x=x, noise=noise, draw_rows=BATCH, grad=grad)
        adam.step(queue, params, grad)
        noise.advance(queue)
    return params


def variances(engine: sm.Engine, net: sm.Net, params: Any, x: Any) -> dict[str, list[sm.Measured]]:
    """tr Cov g of one sample at each level."""
    found: dict[str, list[sm.Measured]] = {}
    for name, loss in ESTIMATORS.items():
        for sigma in LEVELS:
            variance = sm.GradientVariance(engine, net, f"{loss} schedule=single sigma={sigma}", 64, PROBES)
            queue = sm.Queue(engine, variance.workspace_bytes)
            found.setdefault(name, []).append(variance.measure(queue, params=params, x=x, seed=3).trace)
    return found


def differences(engine: sm.Engine, net: sm.Net, params: Any, x: Any, dtype: Any) -> list[float]:
    """|g_pair - g_sliced| / |g_sliced| at each level, of a batch with the same x, and eps = v."""
    eps = np.random.default_rng(5).standard_normal(x.shape).astype(dtype)
    x, params = x.astype(dtype), params.astype(dtype)
    found = []
    for sigma in LEVELS:
        grads = []
        for name, given in (("antithetic", {"eps": eps}), ("ssm_vr", {"eps": np.zeros_like(eps), "directions": eps[None]})):
            plan = sm.LossPlan(engine, net, f"{ESTIMATORS[name]} schedule=single sigma={sigma}", len(x))
            grad = np.empty(net.param_count, dtype)
            plan.run(sm.Queue(engine, plan.workspace_bytes), params=params, x=x, grad=grad, sigma=np.full(1, sigma, dtype), **given)
            grads.append(grad.astype(float))
        found.append(float(np.linalg.norm(grads[0] - grads[1]) / np.linalg.norm(grads[1])))
    return found


def main(given: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="limit.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, help="the picture")
    options = parser.parse_args(given)
    engine, net = sm.Engine.cpu(1), sm.Net(NET)
    x = mixture(DIM).draw(np.random.default_rng(1), 20_000).astype(np.float32)
    params = trained(engine, net, x)
    traces = variances(engine, net, params, x)
    apart = {"float64": differences(sm.Engine.reference(), net, params, x[:128], np.float64),
             "float32": differences(engine, net, params, x[:128], np.float32)}
    rows = [[f"{sigma:.3g}", *(f"{traces[name][k].value:.4g}" for name in ESTIMATORS), *(f"{each[k]:.2g}" for each in apart.values())]
            for k, sigma in enumerate(LEVELS)]
    for line in table(["sigma", *ESTIMATORS, "difference, float64", "float32"], rows):
        print(line)
    if options.write:
        import pictures

        pictures.draw_limit(LEVELS, traces, apart, options.write)
    pair, sliced = traces["antithetic"][0], traces["ssm_vr"][0]
    faults = []
    if not abs(pair.value - sliced.value) < 4 * np.hypot(pair.standard_error, sliced.standard_error):
        faults.append(f"at sigma {LEVELS[0]}: expected the same variance, got {pair.value} and {sliced.value}")
    slope = np.log(apart["float64"][3] / apart["float64"][0]) / np.log(LEVELS[3] / LEVELS[0])
    if not 1.9 < slope < 2.1:
        faults.append(f"expected a difference in proportion to sigma^2, got the power {slope:.2f}")
    for fault in faults:
        print(f"FAIL: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
