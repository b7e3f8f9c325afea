"""What of the published file no single figure tells, through the whole worker, with the real ffmpeg."""

from __future__ import annotations

import array
import subprocess
from pathlib import Path

import pytest

from tests.media import Clips, program
from tests.workbench import Bench, ffprobe


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.getbasetemp() / "clips")


async def test_before_sound_that_comes_late_there_is_silence(clips: Clips, tmp_path: Path) -> None:
    bench = Bench(directory=tmp_path / "work", body=clips.read("late_audio"))

    await bench.run()

    video = bench.write() / "video.mp4"
    assert [float(stream["start_time"]) for stream in ffprobe(video)["streams"]] == [0, 0]
    assert first_sound(video) == pytest.approx(0.4, abs=0.05)


async def test_before_a_picture_that_comes_late_its_first_frame_is_shown(clips: Clips, tmp_path: Path) -> None:
    bench = Bench(directory=tmp_path / "work", body=clips.read("late_video"))

    await bench.run()

    video = bench.write() / "video.mp4"
    assert shown(video)[:3] == pytest.approx([0, 0.5 + 1 / 30, 0.5 + 2 / 30], abs=0.001)
    assert first_sound(video) == pytest.approx(0, abs=0.05)


def first_sound(path: Path) -> float:
    """Return the moment of the first sample that can be heard."""
    argv = (program("ffmpeg"), "-v", "error", "-i", str(path), "-ac", "1", "-ar", "48000", "-f", "f32le", "-")
    samples = array.array("f", subprocess.run(argv, check=True, capture_output=True).stdout)
    return next(at for at, sample in enumerate(samples) if abs(sample) > 0.01) / 48_000


def shown(path: Path) -> list[float]:
    """Return the moments at which the frames are shown."""
    entries = ("-select_streams", "v", "-show_entries", "frame=pts_time", "-of", "csv=p=0")
    argv = (program("ffprobe"), "-v", "error", *entries, str(path))
    return [float(line.strip(",")) for line in subprocess.check_output(argv, text=True).split()]


async def test_the_reason_of_a_file_without_an_index_does_not_tell_where_the_worker_kept_it(
    tmp_path: Path,
) -> None:
    bench = Bench(directory=tmp_path / "work", body=b"\0\0\0\x18ftypisom\0\0\2\0isomiso2")

    await bench.run()

    result = await bench.result()
    assert result is not None
    assert result.detail == "the file is cut off or damaged: Invalid data found when processing input"


async def test_a_file_cut_off_within_its_index_is_damaged_and_not_another_kind_of_file(
    clips: Clips, tmp_path: Path
) -> None:
    body = clips.read("fast_start")
    bench = Bench(directory=tmp_path / "work", body=body[: body.find(b"moov") + 296])

    await bench.run()

    result = await bench.result()
    assert result is not None
    assert (result.code, result.detail[:22]) == ("corrupt", "the file is cut off: t")


async def test_the_reason_of_a_file_cut_in_half_has_figures(clips: Clips, tmp_path: Path) -> None:
    bench = Bench(directory=tmp_path / "work", body=clips.read("cut_moov_first"))

    await bench.run()

    result = await bench.result()
    assert result is not None
    assert result.detail.startswith("the file is cut off or damaged: video: 1.00 s (30 frames) claimed, 0.")
    assert result.media is not None
    assert result.media.duration_seconds == 1.0
