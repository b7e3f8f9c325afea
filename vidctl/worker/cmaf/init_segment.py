"""The beginning of a fragmented MP4 of one track, up to its first fragment: what a player needs first (P).

The edit list says where a track starts, and ffmpeg writes one with ``delay_moov`` (seen with 8.1, none with
``empty_moov``): it skips the 1024 samples of silence with which AAC begins, and it delays a track that starts late.
Of these a browser's source buffer heeds the first and ignores the second (seen with Chromium 156), so a delay is taken
out of the edit list here, and ``fragments.delayed`` puts it into the fragments' times.
"""

from __future__ import annotations

from dataclasses import dataclass

from vidctl.worker.cmaf.boxes import Box, Fields, children, find, unreadable
from vidctl.worker.cmaf.sample_entry import Picture, Sound, parse_entry

_EMPTY = -1
"""The media time of an edit that shows nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for every sample of which a fragment says nothing else."""

    duration: int = 0
    size: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Init:
    """One track's initialisation segment. Times are in units of 1/``timescale`` s.

    ``skipped`` is the time of the media at which its presentation starts, ``delay`` how long nothing is shown before.
    ``content`` is what players get: the file's beginning without the delay. ``length`` is its size, also in the file.
    """

    timescale: int
    entry: Picture | Sound
    content: bytes
    skipped: int = 0
    delay: int = 0
    defaults: Defaults = Defaults()

    @property
    def length(self) -> int:
        """Bytes before the first fragment."""
        return len(self.content)

    @property
    def shift(self) -> int:
        """What is added to a time of the media to get the time at which it is presented."""
        return self.delay - self.skipped

    @property
    def picture(self) -> Picture:
        """How the video is coded.

        Raises:
            Failed: ``bad_fragments`` for a track that is no video.

        """
        if not isinstance(self.entry, Picture):
            raise unreadable(f"a picture is expected, and found is {self.entry.codec}")
        return self.entry

    @property
    def sound(self) -> Sound:
        """How the audio is coded.

        Raises:
            Failed: ``bad_fragments`` for a track that is no audio.

        """
        if not isinstance(self.entry, Sound):
            raise unreadable(f"sound is expected, and found is {self.entry.codec}")
        return self.entry


def parse_init(content: bytes) -> Init:
    """Read a file's beginning, to the end of its ``moov``.

    Raises:
        Failed: ``bad_fragments`` for anything but one track of a codec that vidctl packages.

    """
    moov = find(content, Box(kind=b"", start=0, body=0, end=len(content)), b"moov")
    if moov is None:
        raise unreadable("it has no moov")
    tracks = [box for box in children(content, moov.body, moov.end) if box.kind == b"trak"]
    if len(tracks) != 1:
        raise unreadable(f"one track is expected, and it has {len(tracks)}")
    track = tracks[0]
    timescale = _timescale(content, _need(content, track, b"mdia", b"mdhd"))
    if not timescale:
        raise unreadable("its times have no unit")
    stsd = _need(content, track, b"mdia", b"minf", b"stbl", b"stsd")
    entry = next(children(content, stsd.body + 8, stsd.end), None)
    if entry is None:
        raise unreadable("its codec is not named")
    elst = find(content, track, b"edts", b"elst")
    empty, skipped = _edits(content, elst) if elst else (0, 0)
    movie = _timescale(content, _need(content, moov, b"mvhd"))
    return Init(
        timescale=timescale,
        entry=parse_entry(content, entry),
        content=_without_delay(content, elst) if elst and empty else content,
        skipped=skipped,
        delay=round(empty * timescale / movie) if empty and movie else 0,
        defaults=_defaults(content, _need(content, moov, b"mvex", b"trex")),
    )


def _need(content: bytes, box: Box, *path: bytes) -> Box:
    found = find(content, box, *path)
    if found is None:
        raise unreadable(f"it has no {path[-1].decode()}")
    return found


def _timescale(content: bytes, header: Box) -> int:
    """Read the unit of a movie's or a track's times, which stand in one place in both headers."""
    fields = Fields(content, header.body, header.end)
    version = fields.unsigned(4) >> 24
    fields.take(16 if version else 8)
    return fields.unsigned(4)


def _edits(content: bytes, elst: Box) -> tuple[int, int]:
    """Return the duration of a first, empty edit in the movie's unit, and the media time at which the next begins.

    Raises:
        Failed: ``bad_fragments`` for an edit list that says more than that.

    """
    fields = Fields(content, elst.body, elst.end)
    size = 8 if fields.unsigned(4) >> 24 else 4
    edits = []
    for _ in range(fields.unsigned(4)):
        edits.append((fields.unsigned(size), fields.signed(size)))
        fields.take(4)
    empty = edits.pop(0)[0] if edits and edits[0][1] == _EMPTY else 0
    if len(edits) > 1 or any(start < 0 for _, start in edits):
        raise unreadable("its edit list does more than to set the start")
    return empty, edits[0][1] if edits else 0


def _without_delay(content: bytes, elst: Box) -> bytes:
    """Take the first entry out of an edit list, and fill its place with a ``free`` box, so that nothing moves."""
    fields = Fields(content, elst.body, elst.end)
    head = fields.take(4)
    entry = 20 if head[0] else 12
    kept = fields.unsigned(4) - 1
    rest = content[fields.at + entry : elst.end]
    size = (elst.end - elst.start - entry).to_bytes(4, "big")
    shorter = size + b"elst" + head + kept.to_bytes(4, "big") + rest
    return content[: elst.start] + shorter + entry.to_bytes(4, "big") + b"free" + bytes(entry - 8) + content[elst.end :]


def _defaults(content: bytes, trex: Box) -> Defaults:
    fields = Fields(content, trex.body + 12, trex.end)
    return Defaults(duration=fields.unsigned(4), size=fields.unsigned(4), flags=fields.unsigned(4))
