"""Which task size an attempt gets: what its source needs, and after a lack of memory or disk the next one. Pure.

The model is of what the worker does at most: one decode feeding a ladder of up to 1080 lines in x264 veryfast, a
progressive copy, and a decode of every output; what lies on the task's disk ``vidctl.disk`` says. Its figures are
nanoseconds of one vCPU for a pixel, from runs on two cores of a server (docs/decisions/011), with a fifth to spare:

- decoding H.264 takes 5, and up to 11 where the picture is noise. HEVC took 3 at a low bitrate: for it and every other
  codec 8 is assumed, as is 2 for scaling what is larger than the ladder.
- a ladder of 1920 x 1080 at 30 frames takes 1.65 s for a second, of which the encoders take 22 for a pixel of the
  largest rendition; decoding all outputs for verification is reckoned with 8.
- ffmpeg held 470 MiB for such a ladder from 1080 lines with two threads and 740 with eight; 550 and 950 from 2160:
  400 MiB, 20 pictures, and for each thread 45 MiB and two pictures are more than that.

A job should end in twice the time that the video plays, or in ten minutes, and in any case within half the time that
an attempt has. What it costs hardly depends on its size (a larger task is done sooner), but for the minute in which it
starts: so short videos get the smallest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from vidctl import disk
from vidctl.model import Source
from vidctl.reconciler import budget
from vidctl.reconciler.glance import Seen, Sight
from vidctl.reconciler.policy import GIB, Policy, TaskSize
from vidctl.records import JobRecords

DECODE_NS = {"avc1": 6, "avc3": 6, "mp4v": 6}
"""Nanoseconds to decode a pixel, by sample entry."""
DEAREST_DECODE_NS = 8
SCALE_NS = 2
LADDER_NS = 36
"""Nanoseconds to make and verify all renditions, for a pixel of the largest."""
LADDER_LINES = 1080
PICTURE_BYTES = 3
"""Bytes of a pixel in memory: 4:2:0 in 16 bits."""
MEMORY_MARGIN = 1.5
IMAGE_GIB = 3
"""Part of a task's disk that the container's image and everything else take."""
USUAL = Seen(duration_seconds=None, width=1920, height=1080, frames_per_second=30.0, codec="avc1", streams=2)
USUAL_BITS = 2_000_000
"""Bits a second of a source that does not say how long it is: few, so that it is taken for a long one."""
SHORTEST = timedelta(minutes=10)
SLOWEST = 2
"""Times the video's duration in which its job should end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What an attempt takes of a machine; memory grows with the machine, as every thread holds pictures."""

    vcpus: float
    memory_mib: float
    memory_mib_per_vcpu: float
    disk_gib: float

    def fits(self, size: TaskSize) -> bool:
        """Whether a task of this size has it all."""
        vcpus = size.cpu_units / 1024
        return (
            self.vcpus <= vcpus
            and self.memory_mib + self.memory_mib_per_vcpu * vcpus <= size.memory_mib
            and (size.ephemeral_gib is None or self.disk_gib <= size.ephemeral_gib)
        )


def size(records: JobRecords, source: Source, sight: Sight | None, policy: Policy) -> int:
    """Index ``policy.sizes`` for the next attempt: the first of a round by its source, later ones from there up."""
    lacks = budget.lacks(budget.this_round(records))
    begun = [intent for intent in records.intents if intent.number.round == records.round]
    if begun:
        return min(begun, key=lambda intent: intent.number).size + lacks
    return smallest(need(source, sight, policy.run_deadline), policy.sizes) + lacks


def smallest(needed: Need, sizes: tuple[TaskSize, ...]) -> int:
    """Index the first size that has what is needed; the last if none has."""
    return next((n for n, each in enumerate(sizes) if needed.fits(each)), len(sizes) - 1)


def need(source: Source, sight: Sight | None, run_deadline: timedelta) -> Need:
    """Return what an attempt on the source needs; what was not seen of it is taken for the usual."""
    seen = sight if isinstance(sight, Seen) else USUAL
    seconds = seen.duration_seconds or source.size_bytes * 8 / USUAL_BITS
    work = seconds * _work(seen)
    time = min(max(seconds * SLOWEST, SHORTEST.total_seconds()), run_deadline.total_seconds() / 2)
    bits = min(_rate(seen) * disk.LADDER_BITS, disk.MOST_BITS) + max(seen.streams - 1, 1) * disk.SOUND_BITS
    files = disk.needed_bytes(source_bytes=source.size_bytes, seconds=seconds, bits_a_second=bits)
    picture = seen.width * seen.height * PICTURE_BYTES / 1024**2
    return Need(
        vcpus=work / time,
        memory_mib=MEMORY_MARGIN * (400 + 20 * picture),
        memory_mib_per_vcpu=MEMORY_MARGIN * (45 + 2 * picture),
        disk_gib=IMAGE_GIB + files / GIB,
    )


def _work(seen: Seen) -> float:
    """Return the seconds of a vCPU that a second of the video takes."""
    decoding = DECODE_NS.get(seen.codec, DEAREST_DECODE_NS) + SCALE_NS
    return (_rate(seen) * decoding + _ladder_rate(seen) * LADDER_NS) / 1e9


def _rate(seen: Seen) -> float:
    return seen.width * seen.height * (seen.frames_per_second or 30.0)


def _ladder_rate(seen: Seen) -> float:
    """Return the pixels a second of the largest rendition."""
    return _rate(seen) * min(1.0, LADDER_LINES / min(seen.width, seen.height)) ** 2
