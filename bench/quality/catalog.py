"""The data sets by name, and the networks each is learned with."""
from __future__ import annotations

from collections.abc import Sequence

import gaussians
import shapes
import tables
from data_set import DataSet

SCORE, ENERGY = "score", "energy"
DIGITS = "digits"  # not a distribution but a file of digits: digits.py

# Seeds of data, training and sampling alike. Defaults may be tuned on the first only; the page is made with the others,
# which are replaced by fresh ones when a failure of theirs has led to a change of the defaults (0, 1 and 2 were).
TUNING_SEEDS = (10, 11, 12)
CHECKING_SEEDS = (3, 4, 5)


def data_sets() -> dict[str, DataSet]:
    sets = [shapes.circle(), shapes.rings(), gaussians.eight(), gaussians.pair_1d(), shapes.moons(), shapes.checkerboard(),
            shapes.pinwheel(), gaussians.grid(), gaussians.correlated(2, likelihood_rows=2000),
            gaussians.correlated(16, likelihood_rows=1000), gaussians.correlated(64, likelihood_rows=300, blocks=10),
            gaussians.correlated(300, likelihood_rows=0, blocks=5), gaussians.low_rank(), gaussians.student_t(),
            tables.people(), tables.julian_days(), gaussians.eight_few(), gaussians.eight_many()]
    return {each.name: each for each in sets}


ENERGY_SETS = ("circle", "eight", "mixture-1d", "gaussian-2", "moons")


def jobs() -> list[str]:
    """All that can be asked for: a name for score nets, with +energy for energy nets."""
    names = [*data_sets(), DIGITS]
    return [*names, *(f"{name}+{ENERGY}" for name in ENERGY_SETS)]


def split_job(job: str) -> tuple[str, str]:
    """@returns the data set and the network"""
    name, _, net = job.partition("+")
    return name, net or SCORE


def chosen(asked: Sequence[str]) -> list[str]:
    """@throws ValueError naming those that are unknown"""
    unknown = [job for job in asked if job not in jobs()]
    if unknown:
        raise ValueError(f"--sets: unknown {', '.join(unknown)}; known are {', '.join(jobs())}")
    return list(asked)
