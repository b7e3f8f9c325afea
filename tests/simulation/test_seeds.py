"""Which seeds ``make sim SEEDS=`` plays."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.simulation.__main__ import seeds_of


@pytest.mark.parametrize(("said", "played"), [("7", [7]), ("7-7", [7]), ("7-9", [7, 8, 9])])
def test_a_seed_is_played_alone_and_a_range_with_both_its_ends(said: str, played: list[int]) -> None:
    assert list(seeds_of(said)) == played


@pytest.mark.parametrize("said", ["9-7", "x", "-3", "7-"])
def test_what_names_no_seed_is_refused_and_not_called_well(said: str) -> None:
    with pytest.raises(SystemExit, match="SEEDS"):
        seeds_of(said)


def test_without_any_there_is_no_end_of_them() -> None:
    assert len(set(islice(seeds_of(""), 5))) == 5
