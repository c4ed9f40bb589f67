"""Intervals, against values from tables and against what they have to hold."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.intervals import difference, ratio, seeded_difference, seeded_mean, wilson


def test_wilson_agrees_with_the_published_values() -> None:
    # Newcombe (1998): 81 of 263, 15 of 148, 0 of 20, 1 of 29
    for hits, of, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        told = wilson(hits, of)
        assert (told.low, told.high) == pytest.approx((low, high), abs=1e-4)
    assert wilson(20, 20).high == 1


def test_no_rows_have_no_share() -> None:
    with pytest.raises(ValueError, match="no rows"):
        wilson(0, 0)
    with pytest.raises(ValueError, match="nothing"):
        ratio(np.zeros(3), np.zeros(3))


def test_a_ratio_resamples_rows_and_repeats_itself() -> None:
    right, asked = np.array([2.0, 0, 3, 1] * 10), np.array([2.0, 2, 3, 1] * 10)
    told = ratio(right, asked)
    assert told.value == 0.75
    assert 0.5 < told.low < 0.75 < told.high < 1
    assert told == ratio(right, asked)


def test_pairs_are_compared_in_pairs() -> None:
    """Two models that are right on the same rows differ surely, although their shares' own intervals overlap."""
    first = np.array([1.0] * 40 + [0] * 60)
    better = np.array([1.0] * 48 + [0] * 52)
    told = difference(first, better)
    assert told.value == pytest.approx(0.08)
    assert 0 < told.low < 0.08 < told.high
    assert wilson(40, 100).high > wilson(48, 100).low
    assert difference(first, first) == (0, -wilson(0, 100).high, wilson(0, 100).high), "no row differs, of only 100"


def test_seeds_widen_the_interval() -> None:
    generator = np.random.default_rng(0)
    rows = (generator.random(200) < 0.5).astype(float)
    steady = np.stack([rows] * 3)
    gain = np.stack([rows, 1 - (1 - rows) * (generator.random(200) < 0.7), rows])
    assert seeded_difference(steady, steady).high == -seeded_difference(steady, steady).low == wilson(0, 200).high
    uneven = seeded_difference(steady, gain)
    even = difference(rows, gain.mean(axis=0))
    assert uneven.value == pytest.approx(even.value)
    assert uneven.high - uneven.low > 1.5 * (even.high - even.low)
    assert uneven.low <= 0
    assert seeded_mean(steady).value == pytest.approx(rows.mean())
    assert seeded_mean(np.ones((3, 20))) == wilson(20, 20)


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    held = sum(
        told.low <= 0.3 <= told.high
        for _ in range(100)
        for told in [ratio((generator.random(150) < 0.3).astype(float), np.ones(150))]
    )
    assert 88 <= held <= 99
