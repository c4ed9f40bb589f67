"""How far a figure may be off: 95% intervals of shares, of ratios over rows, and of differences between models."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Z: Final = 1.959963984540054
"""Standard deviations either side that hold 95% of a normal distribution."""
DRAWS: Final = 2000
"""Resamples of a bootstrap: its ends then wander by less than a tenth of the interval's width."""
_SEED: Final = 20240101

Array = NDArray[np.float64]


class Interval(NamedTuple):
    """A figure with the ends of its 95% interval."""

    value: float
    low: float
    high: float


def wilson(hits: int, of: int) -> Interval:
    """A share of independent rows (Wilson's score interval, which stays within 0 to 1 and is not empty at the ends).

    Raises ValueError where there are no rows.
    """
    if of < 1:
        raise ValueError("a share of no rows")
    share, spread = hits / of, Z * Z / of
    middle = (share + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * math.sqrt(share * (1 - share) / of + spread / (4 * of))
    low = 0.0 if hits == 0 else middle - half
    return Interval(share, low, 1.0 if hits == of else middle + half)


def ratio(above: Array, below: Array) -> Interval:
    """Sum of `above` over sum of `below`, both shape (rows,): rows are resampled, since what is in one row is related.

    Raises ValueError where `below` sums to nothing.
    """
    if below.sum() == 0:
        raise ValueError("a ratio over nothing")
    counts = _draws(len(above))
    bottom = counts @ below
    value = float(above.sum() / below.sum())
    return _ends(value, (counts @ above)[bottom > 0] / bottom[bottom > 0])


def difference(first: Array, second: Array) -> Interval:
    """Mean of `second` less mean of `first`, both shape (rows,) and of the same rows, which are resampled in pairs.

    Of values from 0 to 1: where no row differs, there is nothing to resample, and Wilson says how many yet might.
    """
    gain = second - first
    if not gain.any():
        return _none(len(gain))
    return _ends(float(gain.mean()), _draws(len(gain)) @ gain / len(gain))


def seeded_difference(first: Array, second: Array) -> Interval:
    """The same of several runs, both shape (seeds, rows): seeds and rows are resampled.

    The seed stands for what two trainings share, so that they are compared in pairs. Few seeds are resampled from
    few: with three, the interval is somewhat too narrow.
    """
    gain = second - first
    if not gain.any():
        return _none(gain.shape[1])
    seeds, rows = _draws(gain.shape[0]) / gain.shape[0], _draws(gain.shape[1], 1) / gain.shape[1]
    return _ends(float(gain.mean()), np.einsum("ds,sr,dr->d", seeds, gain, rows, optimize=True))


def seeded_mean(values: Array) -> Interval:
    """The mean of `values` from 0 to 1, shape (seeds, rows), seeds and rows resampled."""
    if (values == values[0, 0]).all() and values[0, 0] in (0, 1):
        return wilson(int(values[0].sum()), values.shape[1])
    return seeded_difference(np.zeros_like(values), values)


def _none(rows: int) -> Interval:
    """No difference in so many rows."""
    unseen = wilson(0, rows).high
    return Interval(0.0, -unseen, unseen)


def _draws(size: int, stream: int = 0) -> Array:
    """How often each of `size` things is drawn, shape (DRAWS, size). Always the same draws, so that reports repeat."""
    generator = np.random.default_rng([_SEED, stream])
    return generator.multinomial(size, np.full(size, 1 / size), size=DRAWS).astype(np.float64)


def _ends(value: float, drawn: Array) -> Interval:
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(value, float(low), float(high))
