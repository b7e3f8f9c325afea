"""How ffmpeg is to be confined, as words; what the words do is in ``tests/process/test_containment.py``."""

from __future__ import annotations

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from vidctl.model import FailureClass
from vidctl.worker.failure import Failed
from vidctl.worker.ffmpeg.confinement import Confinement, Mode, most_memory

HOUR = timedelta(hours=1)


def confinement(mode: Mode = "required", memory_bytes: int | None = 1000) -> Confinement:
    return Confinement(mode=mode, memory_bytes=memory_bytes, file_bytes=2000)


def test_a_platform_without_filters_is_a_wrong_configuration_where_they_are_required() -> None:
    with pytest.raises(Failed) as raised:
        confinement("required").check("this kernel has no seccomp filters")

    assert (raised.value.failure.failure, raised.value.failure.code) == (FailureClass.CONFIGURATION, "unconfined")
    assert "no seccomp filters; VIDCTL_WORKER_CONFINE=preferred" in raised.value.failure.detail


@pytest.mark.parametrize(
    ("mode", "lack", "reason"),
    [
        ("preferred", "darwin has no seccomp", "darwin has no seccomp"),
        ("off", None, "VIDCTL_WORKER_CONFINE is off"),
    ],
)
def test_where_they_are_not_the_log_says_why_there_are_none(mode: Mode, lack: str | None, reason: str) -> None:
    with capture_logs() as lines:
        confinement(mode).check(lack)

    assert [(line["event"], line["log_level"], line["reason"]) for line in lines] == [("unconfined", "warning", reason)]


def test_nothing_is_said_where_all_is_well() -> None:
    with capture_logs() as lines:
        confinement("required").check(None)
        confinement("preferred").check(None)

    assert lines == []


def test_the_limits_are_handed_to_the_launcher() -> None:
    words = confinement().prefix(deadline=HOUR)

    assert {"RLIMIT_DATA=1000", "RLIMIT_FSIZE=2000", "RLIMIT_NOFILE=256"} <= set(words)
    (processor,) = (int(word.partition("=")[2]) for word in words if word.startswith("RLIMIT_CPU="))
    assert processor > 3600
    assert words[-1] == "--"


def test_what_is_off_sets_no_limits() -> None:
    assert not [word for word in confinement("off").prefix(deadline=HOUR) if "=" in word]


def test_a_program_may_be_given_less_memory_but_not_more() -> None:
    assert confinement().within(500).memory_bytes == 500
    assert confinement().within(5000).memory_bytes == 1000
    assert confinement(memory_bytes=None).within(500).memory_bytes == 500


@pytest.mark.parametrize(
    ("limits", "expected"), [((), 8000), (("max",), 8000), (("4000",), 4000), (("9223372036854771712",), 8000)]
)
def test_the_memory_is_the_least_of_the_machines_and_the_containers(limits: tuple[str, ...], expected: int) -> None:
    assert most_memory(8000, limits) == expected
