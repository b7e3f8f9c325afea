"""What is published of a video beside and within its stream, through the whole worker, with the real ffmpeg."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from tests.manifests import check_dash
from tests.media import program
from tests.packaging import run_ffmpeg
from tests.playlists import check_hls
from tests.playlists import parse as parse_playlist
from tests.workbench import NOON, Bench, ffprobe
from tests.world.objects import MemoryObjects
from vidctl.errors import Unavailable
from vidctl.records import Result
from vidctl.worker.recipes import loudness
from vidctl.worker.recipes.profile import Profile, parse

_LADDER = "ladder: [{short_side: 360, max_bitrate: 800000}, {short_side: 180, max_bitrate: 300000}]"
MADE = parse(f"{{video: {{preset: ultrafast, {_LADDER}}}, copy_fitting: false}}")
TAKEN_OVER = parse(f"video: {{preset: ultrafast, {_LADDER}}}")

SUBTITLES = "1\n00:00:01,000 --> 00:00:03,000\nGood evening.\n\n2\n00:00:08,500 --> 00:00:12,000\nGood night.\n"


def _lavfi(*sources: str) -> tuple[str, ...]:
    return tuple(word for source in sources for word in ("-f", "lavfi", "-i", source))


def _picture(seconds: float, *, size: str = "640x360", rate: int = 30) -> str:
    return f"testsrc2=s={size}:r={rate}:d={seconds}"


_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "60", "-b:v", "500k")
_LANGUAGES = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fre", "-metadata:s:s:0", "language=eng")
_TO_BLACK_AND_BACK = (
    "color=black:s=640x360:r=30:d=4[a];testsrc2=s=640x360:r=30:d=4[b];color=black:s=640x360:r=30:d=4[c]"
)

CLIPS: dict[str, tuple[str, ...]] = {
    "languages": (
        *_lavfi(_picture(13), "sine=d=13", "sine=f=880:d=13"),
        *("-i", "SUBTITLES", "-map", "0", "-map", "1", "-map", "2", "-map", "3"),
        *(*_X264, "-c:a", "aac", "-c:s", "mov_text", *_LANGUAGES),
    ),
    "portrait": (*_lavfi(_picture(7, size="360x640"), "sine=d=7"), *_X264),
    "varying_rate": (
        *_lavfi(_picture(14), "sine=d=14"),
        *("-vf", r"select=lt(mod(n\,11)\,4)*not(between(n\,100\,230))", "-fps_mode", "vfr", *_X264),
    ),
    "no_sound": (*_lavfi(_picture(7)), *_X264),
    "late_sound": (*_lavfi(_picture(7)), "-itsoffset", "0.4", *_lavfi("sine=d=6.6"), *_X264),
    "late_picture": ("-itsoffset", "0.5", *_lavfi(_picture(7)), *_lavfi("sine=d=7.5"), *_X264),
    "slow": (*_lavfi(_picture(3, rate=1)), *_X264),
    "quiet": (*_lavfi(_picture(3), "sine=f=1000:r=48000:d=3,volume=-15dB"), *_X264),
    "black_ends": (*_lavfi(f"{_TO_BLACK_AND_BACK};[a][b][c]concat=n=3"), *_X264),
}


class Published:
    """Clips and what the worker published of them, each made once a session."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._benches: dict[tuple[str, Profile], Bench] = {}

    def bench(self, name: str, profile: Profile = MADE) -> Bench:
        """Return the bench of a worker that published a clip."""
        if (name, profile) not in self._benches:
            directory = self._directory / f"{name}{len(self._benches)}"
            directory.mkdir()
            bench = Bench(directory=directory / "work", body=self.clip(name).read_bytes())
            assert asyncio.run(bench.run(profile=profile)) == 0
            assert bench.leftovers == []
            self._benches[name, profile] = bench
        return self._benches[name, profile]

    def root(self, name: str, profile: Profile = MADE) -> Path:
        """Return the directory of what was published of a clip."""
        return self.bench(name, profile).write()

    def clip(self, name: str) -> Path:
        """Return a clip's file."""
        path, text = self._directory / f"{name}.mp4", self._directory / "subtitles.srt"
        if not path.exists():
            text.write_text(SUBTITLES)
            run_ffmpeg(*(str(text) if word == "SUBTITLES" else word for word in CLIPS[name]), str(path))
        return path


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return Published(tmp_path_factory.mktemp("streams"))


async def written(bench: Bench) -> Result:
    result = await bench.result()
    assert result is not None
    return result


# --- the stream ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLIPS)
def test_a_stream_keeps_every_rule_of_hls_and_dash(name: str, published: Published) -> None:
    root = published.root(name)

    assert [str(violation) for violation in check_hls(root, decode=True)] == []
    assert [str(violation) for violation in check_dash(root)] == []


def test_renditions_are_cut_at_the_same_moments(published: Published) -> None:
    root = published.root("languages")
    cuts = {name: segments(root, name) for name in ("v360", "v180")}

    assert cuts["v360"] == cuts["v180"] == [6, 6, 1]


def test_every_sound_track_and_text_is_offered_by_its_language(published: Published) -> None:
    root = published.root("languages")
    offered = parse_playlist("master.m3u8", (root / "master.m3u8").read_text()).attributes("EXT-X-MEDIA")

    assert [(tag["TYPE"], tag["LANGUAGE"], tag["URI"]) for tag in offered] == [
        ("AUDIO", '"en"', '"stream/a1/index.m3u8"'),
        ("AUDIO", '"fr"', '"stream/a2/index.m3u8"'),
        ("SUBTITLES", '"en"', '"stream/s1/index.m3u8"'),
    ]
    assert "00:08.500 --> 00:12.000\nGood night." in (root / "stream/s1/subtitles.vtt").read_text()


def test_a_picture_that_fits_is_taken_over_and_the_others_are_cut_as_it_is(published: Published) -> None:
    root = published.root("languages", TAKEN_OVER)

    assert packets(root / "video.mp4") == packets(published.clip("languages"))
    assert packets(published.root("languages") / "video.mp4") != packets(published.clip("languages"))
    assert [str(violation) for violation in check_hls(root, decode=True)] == []
    assert [str(violation) for violation in check_dash(root)] == []
    assert segments(root, "v360") == segments(root, "v180") == [6, 6, 1]


async def test_the_digest_of_the_stream_is_that_of_the_bucket_s_listing(published: Published) -> None:
    bench = published.bench("languages")
    outputs = (await written(bench)).outputs

    assert {output.name for output in outputs if bench.holds(output)} == {
        "master.m3u8",
        "manifest.mpd",
        "video.mp4",
        "audio.m4a",
        "poster.jpg",
        "storyboard.vtt",
        "stream/",
        "storyboard/",
    }
    assert len(outputs) == 8


def test_the_one_file_has_the_first_sound_and_the_best_picture(published: Published) -> None:
    streams = ffprobe(published.root("languages") / "video.mp4")["streams"]

    assert [(stream["codec_name"], stream.get("height")) for stream in streams] == [("h264", 360), ("aac", None)]
    assert [float(stream["duration"]) for stream in streams] == pytest.approx([13, 13], abs=0.05)


# --- the store ----------------------------------------------------------------------------------------------------


class Flaky:
    """A way to the store on which every third upload fails, before or after it took effect, none of a task's twice.

    Several go at once: one of them might else be the third three times, and its task's patience ends there.
    """

    def __init__(self, *, after: bool) -> None:
        self._after = after
        self._count = 0
        self._failed: set[asyncio.Task[object] | None] = set()

    @asynccontextmanager
    async def __call__(self, operation: str) -> AsyncIterator[None]:
        await asyncio.sleep(0)
        self._count += operation == "objects.upload"
        task = asyncio.current_task()
        fails = operation == "objects.upload" and self._count % 3 == 0 and task not in self._failed
        if fails:
            self._failed.add(task)
        if fails and not self._after:
            raise Unavailable("no answer")
        yield
        if fails:
            raise Unavailable("no answer")


@pytest.mark.parametrize("after", [False, True], ids=["refused", "reply lost"])
async def test_a_store_that_fails_now_and_then_gets_the_whole_stream(
    *, after: bool, published: Published, tmp_path: Path
) -> None:
    bench = Bench(directory=tmp_path / "work", body=published.clip("languages").read_bytes())

    assert await bench.run(profile=MADE, final=Flaky(after=after)) == 0

    assert all(bench.holds(output) for output in (await written(bench)).outputs)
    assert [str(violation) for violation in check_hls(bench.write())] == []


class Noisy(MemoryObjects):
    """A store on the way to which a bit of every segment turns over."""

    async def upload(self, key: str, body: bytes, *, content_type: str, sha256: str, cache_control: str = "") -> str:
        if key.endswith(".m4s"):
            body = bytes([body[0] ^ 1]) + body[1:]
        return await super().upload(key, body, content_type=content_type, sha256=sha256, cache_control=cache_control)


async def test_a_segment_that_is_damaged_on_its_way_is_no_publication(published: Published, tmp_path: Path) -> None:
    bench = Bench(directory=tmp_path / "work", body=published.clip("no_sound").read_bytes())
    bench.final = Noisy("final", clock=lambda: NOON)

    assert await bench.run(profile=MADE) != 0

    result = await written(bench)
    assert "SHA-256 does not match" in result.detail
    assert (result.failure is not None, result.outputs) == (True, ())
    assert [name for name in bench.uploaded() if name.endswith(".m4s")] == []


# --- beside the stream --------------------------------------------------------------------------------------------


def test_quiet_sound_is_published_as_loud_as_is_wanted(published: Published) -> None:
    before, after = heard(published.clip("quiet"), 1), heard(published.root("quiet") / "audio.m4a", 0)

    assert before < -30
    assert after == pytest.approx(-16, abs=1)


def test_a_poster_is_not_black_though_the_video_begins_and_ends_so(published: Published) -> None:
    assert luma(published.root("black_ends") / "poster.jpg") > 60


def test_each_picture_of_the_storyboard_is_of_its_moment(published: Published) -> None:
    root = published.root("black_ends")
    bright = [luma(root / sheet, place) > 60 for *_, sheet, place in cues(root)]

    assert bright == [False, False, True, True, False, False]


@pytest.mark.parametrize(
    ("name", "seconds", "pictures", "sheet"),
    [("languages", 13, 7, (800, 450)), ("portrait", 7, 4, (450, 800)), ("slow", 3, 2, (800, 450))],
)
def test_a_storyboard_covers_the_whole_video_without_a_gap(
    name: str, seconds: float, pictures: int, sheet: tuple[int, int], published: Published
) -> None:
    root = published.root(name)
    found = cues(root)

    assert len(found) == pictures
    assert [found[0][0], found[-1][1]] == pytest.approx([0, seconds], abs=0.05)
    assert all(before[1] == after[0] for before, after in pairwise(found))
    assert {sheet for *_, sheet, _ in found} == {"storyboard/00001.jpg"}
    picture = ffprobe(root / "storyboard/00001.jpg")["streams"][0]
    assert (picture["width"], picture["height"]) == sheet


# ------------------------------------------------------------------------------------------------------------------


def segments(root: Path, track: str) -> list[float]:
    """Return how long each segment of a track lasts, to a tenth of a second."""
    path = f"stream/{track}/index.m3u8"
    return [round(float(entry.seconds), 1) for entry in parse_playlist(path, (root / path).read_text()).entries]


def packets(path: Path) -> list[str]:
    """Return the size of each packet of the picture."""
    entries = ("-select_streams", "v", "-show_entries", "packet=size", "-of", "csv=p=0")
    return subprocess.check_output([program("ffprobe"), "-v", "error", *entries, str(path)], text=True).split()


def heard(path: Path, stream: int) -> float:
    """Return how loud a sound track is, in LUFS."""
    argv = loudness.measure(program("ffmpeg"), ("-protocol_whitelist", "file,pipe"), str(path), stream, channels=1)
    found = loudness.parse(subprocess.run(argv, check=True, capture_output=True).stderr.decode()[-4096:])
    assert found is not None
    return found.integrated_lufs


def luma(path: Path, place: str = "") -> float:
    """Return the mean brightness, 0 to 255, of a picture or a place on it (left, top, width, height)."""
    left, top, width, height = place.split(",") if place else ("0", "0", "iw", "ih")
    filters = f"crop={width}:{height}:{left}:{top},scale=1:1:flags=area,format=gray"
    argv = [program("ffmpeg"), "-v", "error", "-i", str(path), "-vf", filters, "-f", "rawvideo", "-"]
    return subprocess.check_output(argv)[0]


def cues(root: Path) -> list[tuple[float, float, str, str]]:
    """Return the cues of a storyboard: from, to, the sheet, and the place on it."""
    text = (root / "storyboard.vtt").read_text()
    found = re.findall(r"00:00:(\S+) --> 00:00:(\S+)\n(\S+)#xywh=(\S+)", text)
    assert len(found) == text.count("-->")
    return [(float(begin), float(end), sheet, place) for begin, end, sheet, place in found]
