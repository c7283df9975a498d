"""The names of the data sets, and the networks that are trained on each."""
from __future__ import annotations

from collections.abc import Sequence

import gaussians
import shapes
import tables
from data_set import DataSet

SCORE, ENERGY = "score", "energy"
DIGITS = "digits"  # not a distribution but a file of digits: digits.py

# Seeds of data, training and sampling. Defaults may be tuned only on the first ones; the page is made with the others. When a
# failure with those has led to a change of the defaults, fresh seeds replace them (as happened to 0, 1 and 2).
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
    """All valid names: NAME for score nets, NAME+energy for energy nets."""
    names = [*data_sets(), DIGITS]
    return [*names, *(f"{name}+{ENERGY}" for name in ENERGY_SETS)]


def split_job(job: str) -> tuple[str, str]:
    """@returns the data set and the network"""
    name, _, net = job.partition("+")
    return name, net or SCORE


def chosen(asked: Sequence[str]) -> list[str]:
    """@throws ValueError that lists the unknown names"""
    unknown = [job for job in asked if job not in jobs()]
    if unknown:
        raise ValueError(f"--sets: unknown {', '.join(unknown)}; known are {', '.join(jobs())}")
    return list(asked)
