"""Groups the fragments of a track into segments, as they come, and measures what it takes to play them (P).

A track of video is cut by the clock: a segment ends where the next fragment starts at or after a multiple of the target
duration, so that renditions with the same keyframes are cut alike without knowing of each other. Audio has other
boundaries, and follows: it is cut where it comes nearest to the video's. So may a copied track follow another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from vidctl.worker.cmaf.boxes import unreadable
from vidctl.worker.cmaf.fragments import Fragment
from vidctl.worker.cmaf.init_segment import Init

TARGET_SECONDS = 6
"""Apple: HLS Authoring Specification, target durations SHOULD be 6 seconds."""

_EARLY = Fraction(1, 1000)
"""Seconds by which a fragment may come before its multiple: renditions round a keyframe's time to their own unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Whole fragments that are published as one file. ``number`` counts from 1.

    ``start`` is the moment of the presentation at which it begins to show, ``duration`` the time until the next does;
    both in units of 1/``timescale`` s. The first of audio starts before 0: what is skipped is part of it.
    """

    number: int
    timescale: int
    start: int
    duration: int
    fragments: tuple[Fragment, ...]

    @property
    def name(self) -> str:
        """Its file's name."""
        return f"{self.number:05d}.m4s"

    @property
    def offset(self) -> int:
        """Where in the track's file it begins, in bytes."""
        return self.fragments[0].offset

    @property
    def length(self) -> int:
        """Its size in bytes."""
        return self.fragments[-1].offset + self.fragments[-1].length - self.offset

    @property
    def seconds(self) -> Fraction:
        """Its duration."""
        return Fraction(self.duration, self.timescale)

    @property
    def end_seconds(self) -> Fraction:
        """The moment at which the next one begins to show, or the last one ends."""
        return Fraction(self.start + self.duration, self.timescale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandwidth:
    """Bits a second: ``peak`` by RFC 8216bis 4.4.6.2 (BANDWIDTH), and the average over everything."""

    peak: int
    average: int

    def __add__(self, other: Bandwidth) -> Bandwidth:
        """Return what two tracks that are played together may take."""
        return Bandwidth(peak=self.peak + other.peak, average=self.average + other.average)


class ClockCutter:
    """Cuts a track at the first fragment at or after each multiple of ``target`` seconds of the presentation."""

    def __init__(self, init: Init, target: Fraction) -> None:
        self._row = _Row(init)
        self._target = target

    def add(self, fragments: Iterable[Fragment]) -> list[Segment]:
        """Take the next fragments, and return the segments that they complete.

        Raises:
            Failed: ``bad_fragments`` for a track that begins with what cannot be decoded on its own.

        """
        segments = []
        for fragment in fragments:
            self._row.take(fragment)
            last = self._row.count - 1
            if fragment.sync and self._multiple(last) > self._multiple(0):
                segments.append(self._row.cut(last))
        return segments

    def finish(self) -> list[Segment]:
        """Return the last segment."""
        return self._row.rest()

    def _multiple(self, index: int) -> int:
        return int((self._row.seconds(index) + _EARLY) // self._target)


class FollowingCutter:
    """Cuts a track where it comes nearest to the boundaries of another one, ``Segment.end_seconds`` of its segments."""

    def __init__(self, init: Init, target: Fraction) -> None:
        self._row = _Row(init)
        self._target = target
        self._boundaries: deque[Fraction] = deque()
        self._last = Fraction(0)

    def add(self, fragments: Iterable[Fragment], boundaries: Iterable[Fraction] = ()) -> list[Segment]:
        """Take the next fragments and the next boundaries, and return the segments that they complete.

        Raises:
            Failed: ``bad_fragments`` for a track that begins with what cannot be decoded on its own.

        """
        for fragment in fragments:
            self._row.take(fragment)
        for boundary in boundaries:
            self._boundaries.append(boundary)
            self._last = boundary
        segments: list[Segment] = []
        while self._boundaries and self._row.last_sync >= self._boundaries[0]:
            segments += self._cut_near(self._boundaries.popleft())
        return segments

    def finish(self) -> list[Segment]:
        """Return what is left. What lasts longer than the other track is cut every ``target`` seconds after its end."""
        while self._last + self._target < self._row.end:
            self._last += self._target
            self._boundaries.append(self._last)
        segments = [segment for boundary in self._boundaries for segment in self._cut_near(boundary)]
        self._boundaries.clear()
        return segments + self._row.rest()

    def _cut_near(self, boundary: Fraction) -> list[Segment]:
        """Cut at the nearest place, unless that is the beginning or the end of what there is."""
        if not self._row.count:
            return []
        nearest = min(self._row.places(), key=lambda place: abs(place[1] - boundary))[0]
        return [self._row.cut(nearest)] if 0 < nearest < self._row.count else []


class _Row:
    """The fragments that are in no segment yet. Places are counted within it, moments in seconds."""

    def __init__(self, init: Init) -> None:
        self._init = init
        self._fragments: list[Fragment] = []
        self._number = 0
        self.last_sync = Fraction(-1)

    @property
    def count(self) -> int:
        return len(self._fragments)

    @property
    def end(self) -> Fraction:
        return self._moment(self._fragments[-1].end) if self._fragments else Fraction(0)

    def take(self, fragment: Fragment) -> None:
        if not (fragment.sync or self._fragments):
            raise unreadable(f"the fragment at byte {fragment.offset} does not begin with a keyframe")
        self._fragments.append(fragment)
        if fragment.sync:
            self.last_sync = self._moment(fragment.start)

    def seconds(self, index: int) -> Fraction:
        return self._moment(self._fragments[index].start)

    def places(self) -> list[tuple[int, Fraction]]:
        """Return where it can be cut, and the end."""
        syncs = [(index, self.seconds(index)) for index, fragment in enumerate(self._fragments) if fragment.sync]
        return [*syncs, (self.count, self.end)]

    def cut(self, index: int) -> Segment:
        taken, self._fragments = self._fragments[:index], self._fragments[index:]
        end = self._fragments[0].start if self._fragments else taken[-1].end
        self._number += 1
        return Segment(
            number=self._number,
            timescale=self._init.timescale,
            start=taken[0].start + self._init.shift,
            duration=end - taken[0].start,
            fragments=tuple(taken),
        )

    def rest(self) -> list[Segment]:
        return [self.cut(self.count)] if self._fragments else []

    def _moment(self, time: int) -> Fraction:
        return Fraction(time + self._init.shift, self._init.timescale)


def target_duration(segments: Iterable[Segment]) -> int:
    """Return the largest duration, rounded to seconds: EXT-X-TARGETDURATION, which no duration exceeds when rounded."""
    return max((rounded(segment.seconds) for segment in segments), default=1)


def rounded(seconds: Fraction) -> int:
    """Round half up as players do, and not to the nearest even number; at least 1."""
    return max(1, int(seconds + Fraction(1, 2)))


def bandwidth(segments: Sequence[Segment], target: int) -> Bandwidth:
    """Measure the segments of a track; ``target`` as in ``target_duration``, of all tracks of the presentation."""
    return measure([(segment.length, segment.seconds) for segment in segments], target)


def measure(pieces: Sequence[tuple[int, Fraction]], target: int) -> Bandwidth:
    """Return the bit rates of pieces, each with its bytes and its seconds, in order.

    RFC 8216bis 4.4.6.2: the peak is the largest bit rate of any row of pieces that lasts 0.5 to 1.5 target durations.
    Where all of it is shorter than that, the peak is the average.
    """
    bytes_, seconds = sum(size for size, _ in pieces), sum((lasts for _, lasts in pieces), Fraction(0))
    average = Fraction(8 * bytes_) / seconds if seconds else Fraction(0)
    peak = max((rate for first in range(len(pieces)) for rate in _rates(pieces, first, target)), default=average)
    return Bandwidth(peak=_ceil(max(peak, average)), average=_ceil(average))


def _rates(pieces: Sequence[tuple[int, Fraction]], first: int, target: int) -> Iterable[Fraction]:
    size, seconds = 0, Fraction(0)
    for bytes_, lasts in pieces[first:]:
        size, seconds = size + bytes_, seconds + lasts
        if 2 * seconds > 3 * target:
            return
        if 2 * seconds >= target:
            yield Fraction(8 * size) / seconds


def _ceil(number: Fraction) -> int:
    return -int(-number // 1)
