"""Every kind of file that people upload, through the whole worker, with the real ffmpeg."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.media import Clips
from tests.workbench import Bench, ffprobe
from vidctl.model import FailureClass


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.getbasetemp() / "clips")


@dataclass(frozen=True)
class Published:
    """What the published MP4 must be. ``channels`` 0: without sound."""

    size: tuple[int, int] = (160, 90)
    seconds: float = 1.0
    frames: int = 30
    channels: int = 1


PUBLISHED = {
    "good": Published(),
    "fast_start": Published(),
    "fragmented": Published(),
    "no_audio": Published(channels=0),
    "stereo": Published(channels=2),
    "surround": Published(channels=2),
    "short_audio": Published(),
    "long_audio": Published(),
    "late_video": Published(),
    "late_audio": Published(),
    "silent_track": Published(channels=0),
    "portrait": Published(size=(90, 160)),
    "rotated": Published(size=(90, 160)),
    "upside_down": Published(),
    "odd": Published(channels=0),
    "one_pixel_high": Published(size=(64, 2), channels=0),
    "uneven_frames": Published(frames=12, seconds=0.9),
    "slow": Published(frames=3, seconds=3.0, channels=0),
    "fast": Published(frames=240, channels=0),
    "one_frame": Published(frames=1, seconds=0.03, channels=0),
    "ten_bit": Published(channels=0),
    "full_chroma": Published(channels=0),
    "rgb": Published(channels=0),
    "hevc": Published(),
    "vp9": Published(),
    "mpeg4": Published(),
    "wide_pixels": Published(size=(212, 90)),
    "interlaced": Published(size=(160, 96), channels=0),
    "b_frames": Published(),
    "edit_list": Published(frames=9, seconds=0.3),
    "cover_art": Published(),
    "time_code": Published(),
    "two_pictures": Published(channels=0),
    "named": Published(),
}


@pytest.mark.parametrize("name", PUBLISHED)
async def test_a_file_that_plays_is_published(name: str, clips: Clips, tmp_path: Path) -> None:
    expected = PUBLISHED[name]
    bench = Bench(directory=tmp_path / "work", body=clips.read(name))

    assert await bench.run() == 0

    result = await bench.result()
    assert result is not None
    assert (result.failure, result.code) == (None, "ok")
    video, poster = result.outputs
    probed = ffprobe(bench.file(video))
    picture, *sounds = probed["streams"]
    assert (picture["codec_name"], picture["pix_fmt"]) == ("h264", "yuv420p")
    assert (picture["width"], picture["height"]) == expected.size
    assert picture.get("sample_aspect_ratio", "1:1") == "1:1"
    assert not picture.get("side_data_list")
    assert int(picture["nb_frames"]) == expected.frames
    assert float(picture["duration"]) == pytest.approx(expected.seconds, abs=0.1)
    assert [(sound["codec_name"], sound["channels"]) for sound in sounds] == [("aac", expected.channels)] * bool(
        expected.channels
    )
    assert set(probed["format"].get("tags", {})) <= {"major_brand", "minor_version", "compatible_brands", "encoder"}
    body = bench.file(video).read_bytes()
    assert body.index(b"moov") < body.index(b"mdat")
    still = ffprobe(bench.file(poster))["streams"][0]
    assert (still["codec_name"], (still["width"], still["height"])) == ("mjpeg", expected.size)
    assert bench.leftovers == []


REFUSED = {
    "empty": "empty",
    "text": "not_a_video",
    "jpeg": "not_a_video",
    "matroska": "not_a_video",
    "playlist": "not_a_video",
    "script": "not_a_video",
    "audio_only": "no_video_stream",
    "only_cover_art": "no_video_stream",
    "cut_moov_first": "corrupt",
    "cut_moov_last": "corrupt",
    "cut_fragments": "corrupt",
    "cut_after_index": "corrupt",
    "damaged": "corrupt",
    "torn": "corrupt",
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_file_that_never_will_play_is_refused_for_good(name: str, clips: Clips, tmp_path: Path) -> None:
    bench = Bench(directory=tmp_path / "work", body=clips.read(name))

    assert await bench.run() == 65

    result = await bench.result()
    assert result is not None
    assert (result.failure, result.code) == (FailureClass.PERMANENT, REFUSED[name])
    assert len(result.detail) > 20
    assert result.outputs == ()
    assert not [key for key in bench.final.keys("videos/") if not key.endswith("progress.json")]
    assert bench.leftovers == []


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
