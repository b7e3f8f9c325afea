"""Which task sizes are taken: those that Fargate has."""

from __future__ import annotations

import pytest

from vidctl import fargate
from vidctl.settings import TaskSettings


@pytest.mark.parametrize("text", [*TaskSettings.model_fields["sizes"].default, "256/512/21", "16384/122880/200"])
def test_a_size_of_fargate_is_taken(text: str) -> None:
    assert fargate.checked(text) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("3072/8192/30", "CPU units are one of 256, 512"),
        ("2048/2048/30", "2048 CPU units go with 4096 to 16384 MiB by 1024"),
        ("4096/8193/30", "4096 CPU units go with 8192 to 30720 MiB by 1024"),
        ("8192/18432/30", "8192 CPU units go with 16384 to 61440 MiB by 4096"),
        ("2048/4096/20", "storage is 21 to 200 GiB"),
        ("2048/4096/201", "storage is 21 to 200 GiB"),
    ],
)
def test_a_size_that_fargate_does_not_have_is_refused_with_what_it_has(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        fargate.checked(text)
