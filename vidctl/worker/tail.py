"""Reads a track's file while ffmpeg still writes it, and cuts it into segments as they become whole."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from vidctl.worker.cmaf.fragments import Fragment, FragmentReader, delayed
from vidctl.worker.cmaf.init_segment import Init
from vidctl.worker.cmaf.segments import ClockCutter, FollowingCutter, Segment
from vidctl.worker.failure import failed


class Tail:
    """One track. ``leader`` is the track whose boundaries it follows, None if it is cut by the clock."""

    def __init__(self, path: Path, *, target: Fraction, leader: Tail | None = None) -> None:
        self.name = path.stem
        self.segments: list[Segment] = []
        self.fragments: list[Fragment] = []
        self._path = path
        self._target = target
        self._leader = leader
        self._followed = 0
        self._file: BinaryIO | None = None
        self._reader: FragmentReader | None = None
        self._cutter: ClockCutter | FollowingCutter | None = None

    @property
    def init(self) -> Init:
        """The beginning of the file.

        Raises:
            Failed: ``verify_failed`` if ffmpeg wrote none.

        """
        if self._reader is None or self._reader.init is None:
            raise failed("verify_failed", f"{self._path.name}: ffmpeg wrote no media")
        return self._reader.init

    @property
    def end_seconds(self) -> Fraction:
        """The moment at which the track ends, as far as it has become whole.

        Raises:
            Failed: ``verify_failed`` if nothing of it has.

        """
        if not self.segments:
            raise failed("verify_failed", f"{self._path.name}: ffmpeg wrote no media")
        return self.segments[-1].end_seconds

    def read(self) -> list[Segment]:
        """Return the segments that became whole since the last time."""
        if self._reader is None:
            if not self._path.exists():
                return []
            self._file = self._path.open("rb")
            self._reader = FragmentReader(self._file)
        fragments = list(self._reader.read(self._path.stat().st_size))
        if self._cutter is None and self._reader.init is not None:
            self._cutter = self._begin(self._reader.init)
        return self._take(self._cut(fragments))

    def finish(self) -> list[Segment]:
        """Return the last segments of a file that is whole.

        Raises:
            Failed: ``verify_failed`` or ``bad_fragments`` for a file that is not.

        """
        found = self.read()
        init = self.init
        if self._reader is not None:
            self._reader.finish(self._path.stat().st_size)
        if self._cutter is None:
            self._cutter = self._begin(init)
        return found + self._take(self._cutter.finish())

    def body(self, segment: Segment) -> bytes:
        """Return a segment as it is published. Several threads may ask at once."""
        # No position in the file: the threads share it.
        content = os.pread(self._open().fileno(), segment.length, segment.offset)
        if len(content) != segment.length:
            raise failed("verify_failed", f"{self.name}: {len(content)} of {segment.length} bytes of {segment.name}")
        delay = self.init.delay
        return delayed(content, segment.offset, segment.fragments, delay) if delay else content

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def _open(self) -> BinaryIO:
        if self._file is None:
            raise failed("verify_failed", f"{self._path.name}: ffmpeg wrote no such file")
        return self._file

    def _begin(self, init: Init) -> ClockCutter | FollowingCutter:
        return ClockCutter(init, self._target) if self._leader is None else FollowingCutter(init, self._target)

    def _cut(self, fragments: list[Fragment]) -> Iterable[Segment]:
        self.fragments += fragments
        match self._cutter:
            case ClockCutter() as cutter:
                return cutter.add(fragments)
            case FollowingCutter() as cutter:
                return cutter.add(fragments, self._boundaries())
            case None:
                return ()

    def _boundaries(self) -> list[Fraction]:
        if self._leader is None:
            return []
        segments = self._leader.segments[self._followed :]
        self._followed += len(segments)
        return [segment.end_seconds for segment in segments]

    def _take(self, segments: Iterable[Segment]) -> list[Segment]:
        found = list(segments)
        self.segments += found
        return found
