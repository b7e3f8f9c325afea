"""What is played together: the tracks of a presentation, as HLS and DASH describe them (P).

The objects of a track are in ``stream/{folder}/``: ``init.mp4`` and its segments, or the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from vidctl.worker.cmaf.sample_entry import Picture, Sound
from vidctl.worker.cmaf.segments import Segment, target_duration

STREAM = "stream"
INIT = "init.mp4"
SUBTITLES = "subtitles.vtt"

UNDETERMINED = "und"


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoTrack:
    """One rendition. ``frame_rate`` is the highest in it, in frames a second."""

    folder: str
    picture: Picture
    segments: tuple[Segment, ...]
    frame_rate: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioTrack:
    """One track of sound. ``language`` is a BCP 47 tag, or ``und``; ``name`` is read by people."""

    folder: str
    sound: Sound
    segments: tuple[Segment, ...]
    name: str
    language: str = UNDETERMINED
    default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTrack:
    """Subtitles, one WebVTT file of ``size_bytes``; ``forced`` ones translate only what is foreign in the sound."""

    folder: str
    seconds: Fraction
    size_bytes: int
    name: str
    language: str = UNDETERMINED
    default: bool = False
    forced: bool = False


Track = VideoTrack | AudioTrack
"""A track that has segments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """All tracks, the video first that a player should begin with.

    ``captions`` are the channels of closed captions within every picture, as in ``captions.told``.
    """

    videos: tuple[VideoTrack, ...] = ()
    audios: tuple[AudioTrack, ...] = ()
    texts: tuple[TextTrack, ...] = ()
    captions: tuple[str, ...] = ()

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The tracks that have segments."""
        return (*self.videos, *self.audios)

    @property
    def target_duration(self) -> int:
        """Seconds that no segment of any track exceeds, rounded.

        RFC 8216bis 6.2.4: the playlists of all variants must have the same.
        """
        return target_duration(segment for track in self.tracks for segment in track.segments)


def distinct(names: Iterable[str]) -> list[str]:
    """Make names fit to be printed, and no two the same: a group's members are told apart by them.

    Line ends, other control characters and quotes have no escape in a playlist, and the first two none in XML.
    """
    found: list[str] = []
    for name in names:
        plain = re.sub(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]+", " ", name).strip()
        plain = plain.replace('"', "'") or "Track"
        number = next(n for n in range(1, len(found) + 2) if _numbered(plain, n) not in found)
        found.append(_numbered(plain, number))
    return found


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name} ({number})"
