"""How a profile is found by what the setting says."""

from __future__ import annotations

from pathlib import Path

import pytest

from vidctl.errors import InvalidSettings
from vidctl.worker import profiles
from vidctl.worker.recipes.profile import parse

WITHOUT_POSTER = parse("poster: false")


def test_the_names_are_those_of_the_files() -> None:
    assert profiles.names() == ("av1", "hevc", "progressive", "streaming")


def test_a_profile_is_found_by_its_name() -> None:
    assert profiles.load("hevc").video.codec == "hevc"


def test_a_profile_is_found_at_its_path(tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text("poster: false\n")

    assert profiles.load(str(path)) == WITHOUT_POSTER


@pytest.mark.parametrize("text", ["poster: false", "{poster: false}", "{poster:\n  false}", "# ours\nposter: false\n"])
def test_a_profile_is_what_is_written_there(text: str) -> None:
    assert profiles.load(text) == WITHOUT_POSTER


def test_a_name_comes_before_a_file_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "streaming").write_text("poster: false")
    monkeypatch.chdir(tmp_path)

    assert profiles.load("streaming").poster


def test_what_is_nothing_of_all_that_is_refused_with_the_names_that_are_known() -> None:
    with pytest.raises(InvalidSettings, match=r"^VIDCTL_WORKER_PROFILE: 'fast' is neither a name \(av1, hevc, "):
        profiles.load("fast")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_bytes(b"\xff\xfe")

    with pytest.raises(InvalidSettings, match=r"^VIDCTL_WORKER_PROFILE: .* can be read"):
        profiles.load(str(path))
