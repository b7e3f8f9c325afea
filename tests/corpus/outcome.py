"""What became of an input, and how that differs from what was intended. All that is asserted of outputs is here."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

from tests.corpus.intent import Intent, Look, Published, Refused
from tests.media import program
from tests.workbench import Bench, ffprobe
from vidctl.records import Result

TOLERANCE = 12
"""How far a colour, of 0 to 255, may be from the intended one: coding and halved colours cost some."""

_HDR = frozenset({"smpte2084", "arib-std-b67"})
_BARE = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the worker says of an input in its Result, and what it left in the bucket.

    ``video`` and ``poster`` are what ffprobe says of them, ``moov_first`` is the video's. ``playlist`` is the
    multivariant playlist, empty where none is published.
    """

    result: Result
    objects: tuple[str, ...]
    video: dict[str, Any] | None = None
    poster: dict[str, Any] | None = None
    moov_first: bool = False
    look: Look | None = None
    playlist: str = ""

    def __str__(self) -> str:
        """Read as a cell of the table."""
        if self.result.failure is not None:
            return f"{self.result.failure}, {self.result.code}: {self.result.detail}"
        return ", ".join(output.name for output in self.result.outputs)


async def outcome(bench: Bench) -> Outcome:
    """Look at what a worker that ended has left."""
    result = await bench.result()
    assert result is not None, "the worker left no Result"
    # Segments go up before they are verified; without a manifest nobody reads them, and the cleaning removes them.
    unread = ("progress.json", ".m4s")
    objects = tuple(key for key in bench.final.keys("videos/") if not key.endswith(unread))
    files = {output.name: bench.file(output) for output in result.outputs if not output.name.endswith("/")}
    if "video.mp4" not in files or "poster.jpg" not in files:
        return Outcome(result=result, objects=objects)
    video = files["video.mp4"]
    body = video.read_bytes()
    return Outcome(
        result=result,
        objects=objects,
        video=ffprobe(video),
        poster=ffprobe(files["poster.jpg"]),
        moov_first=body.index(b"moov") < body.index(b"mdat"),
        look=_look(video),
        playlist=files["master.m3u8"].read_text() if "master.m3u8" in files else "",
    )


def differences(intent: Intent, seen: Outcome) -> tuple[str, ...]:
    """Return in what an outcome is not as intended, each a sentence with what was intended first."""
    match intent:
        case Refused():
            return tuple(_unlike_refused(intent, seen))
        case Published() if seen.video is None or seen.poster is None:
            return (f"published, not {seen}",)
        case Published():
            return tuple(_unlike_published(intent, seen, seen.video, seen.poster))
        case _:
            assert_never(intent)


def languages(playlist: str, kind: str) -> tuple[str, ...]:
    """Return the languages of a playlist's tracks of a kind, ``AUDIO`` or ``SUBTITLES`` (RFC 8216, 4.3.4.1)."""
    lines = [line for line in playlist.splitlines() if line.startswith("#EXT-X-MEDIA:") and f"TYPE={kind}" in line]
    found = [re.search(r'LANGUAGE="([^"]*)"', line) for line in lines]
    return tuple("und" if language is None else language[1] for language in found)


def _unlike_refused(intent: Refused, seen: Outcome) -> Iterator[str]:
    result = seen.result
    if (result.failure, result.code) != (intent.failure, intent.code):
        yield f"{intent}, not {result.failure or 'published'}, {result.code}"
    elif len(result.detail) <= 20:
        yield f"a reason for a person, not {result.detail!r}"
    if seen.objects and result.failure is not None:
        yield f"no outputs, not {', '.join(seen.objects)}"


def _unlike_published(intent: Published, seen: Outcome, video: dict[str, Any], poster: dict[str, Any]) -> Iterator[str]:
    picture, *sounds = video["streams"]
    size, still = (picture["width"], picture["height"]), poster["streams"][0]
    yield from _unlike("a picture of", intent.size, size)
    yield from _unlike("a poster", ("mjpeg", *intent.size), (still["codec_name"], still["width"], still["height"]))
    yield from _unlike("frames:", intent.frames, int(picture["nb_frames"]), known=intent.frames is not None)
    if abs(float(picture["duration"]) - intent.seconds) > intent.tolerance:
        yield f"{intent.seconds} s, not {picture['duration']} s"
    wanted = [("aac", intent.channels)] * bool(intent.sounds)
    yield from _unlike("sound", wanted, [(sound["codec_name"], sound["channels"]) for sound in sounds])
    if sounds and abs(_end(sounds[0]) - (intent.heard or intent.seconds)) > intent.tolerance:
        yield f"sound until {intent.heard or intent.seconds} s, not {_end(sounds[0])} s"
    yield from _unlike_any_video(video, picture, moov_first=seen.moov_first)
    if seen.playlist:
        yield from _unlike("languages", intent.sounds, languages(seen.playlist, "AUDIO"))
        yield from _unlike("subtitles", intent.subtitles, languages(seen.playlist, "SUBTITLES"))
        channels = tuple(re.findall(r'INSTREAM-ID="([^"]*)"', seen.playlist))
        yield from _unlike("closed captions", intent.captions, channels)
    elif intent.subtitles or len(intent.sounds) > 1:
        yield f"a stream with sound {intent.sounds} and subtitles {intent.subtitles}, not none"
    if intent.look is not None and (seen.look is None or not _alike(intent.look, seen.look)):
        yield f"colours {intent.look}, not {seen.look}"


def _unlike_any_video(video: dict[str, Any], picture: dict[str, Any], *, moov_first: bool) -> Iterator[str]:
    """Compare with what holds for every progressive video, whatever it was made of."""
    yield from _unlike("a codec", ("h264", "yuv420p"), (picture["codec_name"], picture["pix_fmt"]))
    yield from _unlike("pixels", "1:1", picture.get("sample_aspect_ratio", "1:1"))
    yield from _unlike("side data", [], picture.get("side_data_list", []))
    yield from _unlike("metadata beside its own", set(), set(video["format"].get("tags", {})) - _BARE)
    yield from _unlike("moov first:", wanted=True, found=moov_first)
    if picture.get("color_transfer") in _HDR:
        yield f"a transfer that every screen shows, not {picture['color_transfer']}"


def _end(stream: dict[str, Any]) -> float:
    return float(stream["start_time"]) + float(stream["duration"])


def _unlike(what: str, wanted: object, found: object, *, known: bool = True) -> Iterator[str]:
    if known and wanted != found:
        yield f"{what} {wanted}, not {found}"


def _alike(wanted: Look, found: Look) -> bool:
    pairs = zip(bytes.fromhex("".join(wanted)), bytes.fromhex("".join(found)), strict=True)
    return all(abs(one - other) <= TOLERANCE for one, other in pairs)


def _look(video: Path) -> Look:
    """Return the mean colour of each quarter of a video's first picture, as a player shows it."""
    filters = (
        "-frames:v",
        "1",
        "-vf",
        "scale=2:2:flags=area+full_chroma_int+accurate_rnd",
        "-pix_fmt",
        "rgb24",
        "-f",
        "rawvideo",
        "-",
    )
    command = [program("ffmpeg"), "-nostdin", "-loglevel", "error", "-i", str(video), *filters]
    seen = subprocess.run(command, check=True, capture_output=True).stdout.hex()
    return (seen[:6], seen[6:12], seen[12:18], seen[18:24])
