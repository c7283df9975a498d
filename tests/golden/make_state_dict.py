"""Writes tests/golden/state_dict: a network as PyTorch users save it, and the scores that PyTorch computes with it.

    F32.safetensors, F64, F16, BF16     net.state_dict() in four types, saved by safetensors.torch.save_file
    expected.safetensors                x [5, 3], sigma [5], and score.TYPE [5, 3], all float64

The network predicts noise, conditioned on Fourier features of ln sigma: s = -F(x, e(sigma)) / sigma. Its scores are
computed in float64 from exactly the values in each file. Run this from anywhere, with PyTorch and safetensors:

    python3 tests/golden/make_state_dict.py
"""

import math
import pathlib

import torch
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).resolve().parent / "state_dict"
DIM, FREQUENCIES, HIDDEN = 3, 2, 8


class ScoreNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("frequencies", torch.randn(FREQUENCIES, dtype=torch.float64) / 4)
        self.net = torch.nn.Sequential(
            torch.nn.Linear(DIM + 2 * FREQUENCIES, HIDDEN),
            torch.nn.GELU(),
            torch.nn.Linear(HIDDEN, HIDDEN - 1),
            torch.nn.GELU(),
            torch.nn.Linear(HIDDEN - 1, DIM),
        )

    def forward(self, x, sigma):
        phase = 2 * math.pi * torch.log(sigma)[:, None] * self.frequencies
        features = torch.cat([torch.sin(phase), torch.cos(phase)], dim=1)
        return -self.net(torch.cat([x, features], dim=1)) / sigma[:, None]


def main():
    torch.manual_seed(1)
    OUT.mkdir(exist_ok=True)
    net = ScoreNet()
    x = torch.randn(5, DIM, dtype=torch.float64).float().double()
    sigma = torch.exp(torch.randn(5, dtype=torch.float64)).float().double()
    expected = {"x": x, "sigma": sigma}
    types = {"F32": torch.float32, "F64": torch.float64, "F16": torch.float16, "BF16": torch.bfloat16}
    for name, dtype in types.items():
        # Frequencies stay in float64, because a phase in less precision is soon off by a turn. F64 files contain values
        # that float32 cannot represent.
        state = {k: v if k == "frequencies" else v.to(dtype) * (1 + 1e-12) for k, v in net.state_dict().items()}
        if name != "F64":
            state = {k: v if k == "frequencies" else v.to(dtype) for k, v in state.items()}
        save_file(state, OUT / f"{name}.safetensors")
        # The library's parameters are float32, so F64 is rounded to float32.
        wide = {k: v if k == "frequencies" else v.float().double() for k, v in state.items()}
        double = ScoreNet().double()
        double.load_state_dict(wide)
        with torch.no_grad():
            expected[f"score.{name}"] = double(x, sigma)
    save_file(expected, OUT / "expected.safetensors")


if __name__ == "__main__":
    main()
