"""What of the published file no single figure tells, through the whole worker, with the real ffmpeg."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.media import Clips
from tests.workbench import Bench, ffprobe


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.getbasetemp() / "clips")


@pytest.mark.parametrize(("name", "starts"), [("late_audio", (0.0, 0.4)), ("late_video", (0.5, 0.0))])
async def test_sound_and_picture_stay_together(
    name: str, starts: tuple[float, float], clips: Clips, tmp_path: Path
) -> None:
    bench = Bench(directory=tmp_path / "work", body=clips.read(name))

    await bench.run()

    result = await bench.result()
    assert result is not None
    streams = ffprobe(bench.file(result.outputs[0]))["streams"]
    # AAC begins with a frame of silence: 1024 samples, once in the source and once in the output.
    assert [float(stream["start_time"]) for stream in streams] == pytest.approx(starts, abs=0.05)


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
