"""What a glance at a source shows before anything is spent on it, and when that is enough to refuse it. Pure.

A glance reads some of the file's index and decodes nothing. It refuses only what the worker would refuse for certain,
in the worker's words; whatever is unusual, it leaves to the worker.
"""

from __future__ import annotations

from dataclasses import dataclass

from vidctl.model import Source
from vidctl.mp4 import Movie, Track
from vidctl.reconciler.policy import InputLimits

_SOUND = "mp4a ac-3 ac-4 ec-3 alac Opus fLaC .mp3 samr sawb twos sowt lpcm in24 in32 ipcm fpcm"
_NO_PICTURE = {
    "soun": frozenset(_SOUND.split()),
    "text": frozenset({"text", "tx3g"}),
    "sbtl": frozenset({"tx3g", "wvtt", "stpp"}),
    "subt": frozenset({"wvtt", "stpp"}),
    "tmcd": frozenset({"tmcd"}),
}
"""Tracks that surely hold no picture: kind and sample entry. Where the two disagree, ffmpeg goes by the entry."""
_PICTURE = frozenset({"avc1", "avc3", "hvc1", "hev1", "vp09", "av01"})
"""Sample entries of which the worker surely takes the largest. Others may be cover art, or what it cannot decode."""
_WORDS = {"soun": "audio", "text": "subtitle", "sbtl": "subtitle", "subt": "subtitle", "tmcd": "data"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The largest picture of a source, as its index claims it. ``streams`` counts the tracks that were seen."""

    duration_seconds: float | None
    width: int
    height: int
    frames_per_second: float | None
    codec: str
    streams: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hopeless:
    """No attempt can publish this source: the worker's code, and a sentence for a person."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A glance is not enough; the worker finds out."""

    why: str


Sight = Seen | Hopeless | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What was seen of which source."""

    source: Source
    sight: Sight


NOT_AN_MP4 = Hopeless(
    code="not_a_video", detail="the file is not an MP4: its first bytes are those of another kind of file"
)


def judge(movie: Movie, limits: InputLimits) -> Sight:
    """Say what an index means for the source."""
    if len(movie.tracks) > limits.streams:
        whole = _over("streams", len(movie.tracks), limits.streams)
        return whole if movie.whole else Unknown(why="more tracks than are accepted, and nobody knows how many")
    if movie.whole and movie.tracks and all(_has_no_picture(track) for track in movie.tracks):
        kinds = ", ".join(_WORDS[track.handler] for track in movie.tracks)
        return Hopeless(code="no_video_stream", detail=f"the file has no video stream, only: {kinds}")
    pictures = [track for track in movie.tracks if track.handler == "vide" and min(track.coded) > 0]
    if not pictures:
        return Unknown(why="no track is plainly a picture")
    return _beyond(movie, pictures, limits) or _seen(movie, max(pictures, key=_pixels))


def _beyond(movie: Movie, pictures: list[Track], limits: InputLimits) -> Hopeless | None:
    """Refuse what is over the limits by every claim that is made; a single claim may be wrong."""
    for track in (track for track in pictures if track.codec in _PICTURE):
        pixels = min(_pixels(track), track.shown[0] * track.shown[1])
        if pixels > limits.pixels:
            return _over("pixels in a picture", pixels, limits.pixels)
    claims = (movie.duration_seconds, *(track.duration_seconds for track in movie.tracks))
    shortest = min(claim or 0.0 for claim in claims)
    if shortest > limits.duration.total_seconds() and not movie.fragmented:
        return _over("seconds", shortest, limits.duration.total_seconds())
    return None


def _over(what: str, value: float, limit: float) -> Hopeless:
    return Hopeless(code="over_limits", detail=f"the file has {value:g} {what}, and at most {limit:g} are accepted")


def _seen(movie: Movie, picture: Track) -> Seen:
    return Seen(
        duration_seconds=movie.duration_seconds or picture.duration_seconds,
        width=picture.coded[0],
        height=picture.coded[1],
        frames_per_second=picture.frames_per_second,
        codec=picture.codec,
        streams=len(movie.tracks),
    )


def _pixels(track: Track) -> int:
    return track.coded[0] * track.coded[1]


def _has_no_picture(track: Track) -> bool:
    return track.codec in _NO_PICTURE.get(track.handler, frozenset())
