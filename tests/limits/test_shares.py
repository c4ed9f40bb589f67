"""How slots too few for all are shared out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.limits.slots import shares

WANTED = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(0, 40), min_size=1, max_size=8)


@given(most=st.integers(1, 60), wanted=WANTED, turn=st.integers(0, 1000))
def test_all_that_can_be_used_is_given_and_nobody_gets_more_than_a_fair_part(
    most: int, wanted: dict[str, int], turn: int
) -> None:
    given_out = shares(most, wanted, turn)
    assert given_out.keys() == wanted.keys()
    assert sum(given_out.values()) == min(most, sum(wanted.values()))
    assert all(0 <= given_out[name] <= wanted[name] for name in wanted)
    largest = max(given_out.values())
    assert all(given_out[name] >= largest - 1 for name in wanted if given_out[name] < wanted[name])


@given(most=st.integers(1, 5), count=st.integers(2, 12))
def test_where_there_is_not_one_each_everybody_has_a_turn(most: int, count: int) -> None:
    wanted = {f"p{n:02}": 3 for n in range(count)}
    served = {name for turn in range(count) for name, got in shares(most, wanted, turn).items() if got}
    assert served == set(wanted)
