"""The fragments of an MP4 of one track (ISO/IEC 14496-12, 8.8): where each is, and what of time it holds (P).

A file is read while ffmpeg still writes it, and of the media not a byte: only the boxes' headers and indices.

With ``+cmaf`` ffmpeg writes negative composition offsets, so that video shows from its first time of decoding on, as in
browsers. ffmpeg itself reads such a file as starting later, by the largest of them (0.067 s in one with B-frames, seen
with 8.1): the ``start_time`` of ffprobe says nothing about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO

from vidctl.worker.cmaf.boxes import Box, Fields, children, find, parse_header, unreadable
from vidctl.worker.cmaf.init_segment import Defaults, Init, parse_init

_NO_SYNC = 0x10000
"""sample_is_non_sync_sample: the sample cannot be decoded without those before it."""

_MOST_INDEX = 16_000_000
"""Bytes of a moov or moof that are read: half an hour in one fragment has 2 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """One fragment, a moof with its mdat. Bytes count from the file's start, times in the track's unit.

    ``decode`` is when its first sample is decoded, ``start`` and ``end`` the earliest and latest moment that it shows,
    in the time of the media, to which the edit list is not applied yet; ``duration`` is that of its samples together.
    ``sync`` says that it begins with a sample that needs no other, ``first_length`` how many bytes from ``offset`` on
    hold the header and that sample; ``shortest`` is the shortest duration of a sample, ``decode_at`` where in the file
    the eight bytes are that say ``decode``.
    """

    offset: int
    length: int
    decode: int
    start: int
    end: int
    duration: int
    samples: int
    sync: bool
    first_length: int
    shortest: int
    decode_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    duration: int
    size: int
    flags: int
    composition: int


class FragmentReader:
    """Reads the fragments of a file that may still grow. What was read is not read again, but for a header of 16 bytes.

    ``init`` is there as soon as the file's moov is whole: not before the first fragment, with ``delay_moov``.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._next = 0
        self._begin = 0
        self._moof: tuple[Box, bytes] | None = None
        self.init: Init | None = None

    def read(self, size_bytes: int) -> Iterator[Fragment]:
        """Yield the fragments that became whole in the first ``size_bytes`` of the file.

        Raises:
            Failed: ``bad_fragments`` for what is no fragmented MP4 of one track.

        """
        while (box := self._whole_box(size_bytes)) is not None:
            self._next = box.end
            match box.kind:
                case b"moov" if self.init is None:
                    self.init = parse_init(self._index(0, box.end))
                    self._begin = box.end
                case b"moof":
                    self._moof = box, self._index(box.start, box.end)
                case b"mdat":
                    yield self._fragment(box)

    def finish(self, size_bytes: int) -> None:
        """Say that the file grows no more, and ends there.

        Raises:
            Failed: ``bad_fragments`` for one that ends within a box or has no moov.

        """
        if self.init is None or self._moof is not None or self._next != size_bytes:
            raise unreadable(f"it ends after {size_bytes} bytes, and what begins at byte {self._next} is not whole")

    def _whole_box(self, size_bytes: int) -> Box | None:
        self._file.seek(self._next)
        header = self._file.read(max(0, min(16, size_bytes - self._next)))
        box = parse_header(header, self._next)
        return box if box is not None and box.end <= size_bytes else None

    def _index(self, start: int, end: int) -> bytes:
        if end - start > _MOST_INDEX:
            raise unreadable(f"its index at byte {start} has {end - start} bytes")
        self._file.seek(start)
        index = self._file.read(end - start)
        if len(index) != end - start:
            raise unreadable(f"it has fewer bytes than was said, {start + len(index)}")
        return index

    def _fragment(self, mdat: Box) -> Fragment:
        if self._moof is None or self.init is None:
            raise unreadable(f"the media at byte {mdat.start} have no index before them")
        (moof, index), self._moof = self._moof, None
        begin, self._begin = self._begin, mdat.end
        return parse_fragment(index, self.init.defaults, begin=begin, at=moof.start, end=mdat.end)


def parse_fragment(moof: bytes, defaults: Defaults, *, begin: int, at: int, end: int) -> Fragment:
    """Read a moof that is at byte ``at`` of its file, of a fragment from ``begin`` to ``end``.

    Raises:
        Failed: ``bad_fragments`` for one that is damaged, empty, of several tracks, or that cannot be moved.

    """
    whole = Box(kind=b"", start=0, body=0, end=len(moof))
    traf, tfhd, tfdt = (find(moof, whole, b"moof", *path) for path in ((b"traf",), _TFHD, _TFDT))
    if traf is None or tfhd is None or tfdt is None:
        raise unreadable(f"the fragment at byte {at} does not say its time")
    time = Fields(moof, tfdt.body, tfdt.end)
    if time.unsigned(4) >> 24 != 1:
        raise unreadable(f"the fragment at byte {at} has a time of 32 bits")
    decode = time.unsigned(8)
    implied = _implied(Fields(moof, tfhd.body, tfhd.end), defaults)
    runs = [Fields(moof, b.body, b.end) for b in children(moof, traf.body, traf.end) if b.kind == b"trun"]
    data_offsets: list[int] = []
    samples = [sample for run in runs for sample in _samples(run, implied, data_offsets)]
    if not samples:
        raise unreadable(f"the fragment at byte {at} has no sample")
    times = list(accumulate((sample.duration for sample in samples), initial=decode))
    shown = [time + sample.composition for time, sample in zip(times, samples, strict=False)]
    return Fragment(
        offset=begin,
        length=end - begin,
        decode=decode,
        start=min(shown),
        end=max(time + sample.duration for time, sample in zip(shown, samples, strict=True)),
        duration=times[-1] - decode,
        samples=len(samples),
        sync=not samples[0].flags & _NO_SYNC,
        first_length=at - begin + data_offsets[0] + samples[0].size,
        shortest=min(sample.duration for sample in samples),
        decode_at=at + tfdt.body + 4,
    )


def delayed(content: bytes, offset: int, fragments: Iterable[Fragment], delay: int) -> bytes:
    """Return the bytes of a file from ``offset`` on with the times of the fragments in them moved by ``Init.delay``."""
    if not delay:
        return content
    moved = bytearray(content)
    for fragment in fragments:
        at = fragment.decode_at - offset
        moved[at : at + 8] = (fragment.decode + delay).to_bytes(8, "big")
    return bytes(moved)


_TFHD, _TFDT = (b"traf", b"tfhd"), (b"traf", b"tfdt")


def _implied(tfhd: Fields, defaults: Defaults) -> Defaults:
    """Return what holds for the samples of a fragment."""
    flags = tfhd.unsigned(4)
    tfhd.take(4)
    if flags & 0x1:
        raise unreadable("its media are addressed from the file's start, and so cannot be moved")
    if flags & 0x2:
        tfhd.take(4)
    duration = tfhd.unsigned(4) if flags & 0x8 else defaults.duration
    size = tfhd.unsigned(4) if flags & 0x10 else defaults.size
    return Defaults(duration=duration, size=size, flags=tfhd.unsigned(4) if flags & 0x20 else defaults.flags)


def _samples(trun: Fields, implied: Defaults, data_offsets: list[int]) -> Iterator[_Sample]:
    """Yield the samples of a run, and note where its media begin, counted from the moof."""
    head = trun.unsigned(4)
    count = trun.unsigned(4)
    data_offsets.append(trun.signed(4) if head & 0x1 else 0)
    first_flags = trun.unsigned(4) if head & 0x4 else None
    signed = head >> 24 > 0
    for number in range(count):
        duration = trun.unsigned(4) if head & 0x100 else implied.duration
        size = trun.unsigned(4) if head & 0x200 else implied.size
        flags = trun.unsigned(4) if head & 0x400 else implied.flags
        composition = 0
        if head & 0x800:
            composition = trun.signed(4) if signed else trun.unsigned(4)
        if number == 0 and first_flags is not None:
            flags = first_flags
        yield _Sample(duration=duration, size=size, flags=flags, composition=composition)
