"""Checks published HLS against the rules: what the playlists say, and whether the segments they name bear it out.

Every rule has a number and a source. Apple's is the HLS Authoring Specification for Apple Devices. Nothing is fetched;
ffprobe decodes segments if it is asked to.
"""

from __future__ import annotations

import io
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from tests.media import program
from vidctl.worker.cmaf.fragments import Fragment, FragmentReader
from vidctl.worker.cmaf.init_segment import Init
from vidctl.worker.cmaf.sample_entry import Picture
from vidctl.worker.failure import Failed

RULES = {
    "H1": "RFC 8216bis 4.4.1.1: a playlist begins with EXTM3U",
    "H2": "RFC 8216bis 4.2: attributes are NAME=value, each once, text in quotes and without line ends",
    "H3": "RFC 8216bis 4.4.1.2 and 8: the version is high enough for what is used; Apple: 7 with fragmented MP4",
    "H4": "RFC 8216bis 4.4.3.4 and 4.4.3.5: what does not change says so, and ends",
    "H5": "RFC 8216bis 4.4.3.1: no duration, rounded, exceeds the target duration",
    "H6": "RFC 8216bis 6.2.4: all variants and their audio have the same target duration",
    "H7": "RFC 8216bis 6.2.1: every file that is named exists",
    "H8": "RFC 8216bis 4.4.4.1: a segment lasts as long as is said, to 1 ms",
    "H9": "RFC 8216bis 4.4.4.1: durations sum up to the moments at which segments begin, to 1 ms",
    "H10": "RFC 8216bis 4.4.2.1: every segment begins with a keyframe, and independence is declared",
    "H11": "RFC 8216bis 4.4.4.5: every segment is decoded whole with nothing but its header before it",
    "H12": "RFC 8216bis 4.4.6.2: BANDWIDTH is no less than any measured peak; Apple: and at most 10 % more",
    "H13": "Apple: AVERAGE-BANDWIDTH is within 10 % of what is measured",
    "H14": "RFC 8216bis 4.4.6.2: CODECS is what the headers of the segments say",
    "H15": "RFC 8216bis 4.4.6.2: RESOLUTION is the size at which the video is shown",
    "H16": "RFC 8216bis 4.4.6.2: FRAME-RATE, to three decimals, is what is measured",
    "H17": "RFC 8216bis 4.4.6.2: VIDEO-RANGE is what the colours say",
    "H18": "RFC 8216bis 6.2.4: all renditions of the video are cut at the same moments",
    "H19": "RFC 8216bis 4.4.6.2: every group that is named exists",
    "H20": "RFC 8216bis 4.4.6.1.1: a group's names differ, one member at most is the default, one of a kind automatic",
    "H21": "RFC 8216bis 4.4.6.2: closed captions are declared absent by all variants or by none",
    "H22": "RFC 8216bis 6.2.4: sound and picture begin together, to two frames",
    "H23": "RFC 8216bis 4.4.3.6: a range of a playlist of keyframes holds exactly one picture",
    "H24": "RFC 8216bis 4.4.6.2: every variant has what players choose by",
    "H25": "RFC 8216bis 4.4.6.1: closed captions name a channel of the picture, each once, and no file",
    "H26": "RFC 8216bis 4.4.6.1: the pictures that closed captions are declared of have some",
}

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]+)(?:,|$)')
_CHANNEL = re.compile(r'"(CC[1-4]|SERVICE([1-9]|[1-5][0-9]|6[0-3]))"')
_MILLISECOND = Fraction(1, 1000)
RATE_ERROR = Fraction(1, 2000)
"""Half of what lies between 30 frames a second and 30000/1001."""


@dataclass(frozen=True)
class Violation:
    """A rule that is broken, where, and how."""

    rule: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule} ({RULES[self.rule]}): {self.where}: {self.what}"


@dataclass(frozen=True)
class Entry:
    """A segment or range in a media playlist. ``size`` and ``at`` are those of the range, None for a whole file."""

    uri: str
    seconds: Fraction
    size: int | None = None
    at: int = 0


@dataclass
class Playlist:
    """A playlist as it is written: its tags by name, its variants, and its segments."""

    path: str
    first: str
    tags: dict[str, list[str]] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    variants: list[tuple[dict[str, str], str]] = field(default_factory=list)
    bad_attributes: list[str] = field(default_factory=list)

    def number(self, tag: str) -> int:
        return int(self.tags[tag][0]) if tag in self.tags else 0

    def attributes(self, tag: str) -> list[dict[str, str]]:
        return [attributes(text)[0] for text in self.tags.get(tag, [])]


def attributes(text: str) -> tuple[dict[str, str], bool]:
    """Read an attribute list, quotes and all; and say whether all of it could be read."""
    found, at, well = {}, 0, True
    while at < len(text) and (match := _ATTRIBUTE.match(text, at)) is not None:
        well = well and match[1] not in found
        found[match[1]], at = match[2], match.end()
    return found, well and at == len(text)


def parse(path: str, text: str) -> Playlist:
    """Read a playlist."""
    lines = text.splitlines()
    playlist = Playlist(path=path, first=lines[0] if lines else "")
    seconds, size, at, variant = Fraction(0), None, 0, None
    for line in lines:
        name, _, value = line[1:].partition(":")
        if not line.startswith("#"):
            if variant is not None:
                playlist.variants.append((variant, line))
            elif line:
                playlist.entries.append(Entry(uri=line, seconds=seconds, size=size, at=at))
            size, variant = None, None
            continue
        playlist.tags.setdefault(name, []).append(value)
        if name in {"EXT-X-MEDIA", "EXT-X-STREAM-INF", "EXT-X-I-FRAME-STREAM-INF", "EXT-X-MAP"}:
            found, well = attributes(value)
            playlist.bad_attributes += [] if well else [line]
            variant = found if name == "EXT-X-STREAM-INF" else None
        elif name == "EXTINF":
            seconds = Fraction(value.partition(",")[0])
        elif name == "EXT-X-BYTERANGE":
            size, at = (int(number) for number in value.split("@"))
    return playlist


@dataclass
class Rendition:
    """A media playlist with the segments that it names. ``uris`` of the multivariant playlist point to its path."""

    root: Path
    playlist: Playlist

    @property
    def folder(self) -> Path:
        return (self.root / self.playlist.path).parent

    @cached_property
    def map_uri(self) -> str | None:
        return next((found["URI"].strip('"') for found in self.playlist.attributes("EXT-X-MAP")), None)

    @cached_property
    def head(self) -> bytes:
        return (self.folder / self.map_uri).read_bytes() if self.map_uri else b""

    @cached_property
    def missing(self) -> list[str]:
        named = [entry.uri for entry in self.playlist.entries] + ([self.map_uri] if self.map_uri else [])
        return [uri for uri in dict.fromkeys(named) if not (self.folder / uri).is_file()]

    @cached_property
    def init(self) -> Init:
        reader = FragmentReader(io.BytesIO(self.head))
        list(reader.read(len(self.head)))
        assert reader.init is not None
        return reader.init

    @cached_property
    def segments(self) -> list[list[Fragment]]:
        return [read_segment(self.head, self.content(entry)) for entry in self.playlist.entries]

    @cached_property
    def starts(self) -> list[Fraction]:
        """The moments at which its segments begin to show, and the end."""
        init = self.init
        times = [min(f.start for f in segment) for segment in self.segments]
        times.append(max(f.end for f in self.segments[-1]))
        return [Fraction(time + init.shift, init.timescale) for time in times]

    @property
    def fragmented(self) -> bool:
        return self.map_uri is not None and "EXT-X-I-FRAMES-ONLY" not in self.playlist.tags

    def content(self, entry: Entry) -> bytes:
        whole = (self.folder / entry.uri).read_bytes()
        return whole if entry.size is None else whole[entry.at : entry.at + entry.size]


def read_segment(head: bytes, content: bytes) -> list[Fragment]:
    """Read the fragments of a segment, whose bytes count from after its header."""
    reader = FragmentReader(io.BytesIO(head + content))
    found = list(reader.read(len(head) + len(content)))
    reader.finish(len(head) + len(content))
    return found


def check_hls(root: Path, *, decode: bool = False, name: str = "master.m3u8") -> list[Violation]:
    """Return every violation in the presentation under ``root``; ``decode`` also decodes each segment and keyframe."""
    master = parse(name, (root / name).read_text())
    paths = _named(master)
    absent = [path for path in paths if not (root / path).is_file()]
    found = {path: Rendition(root, parse(path, (root / path).read_text())) for path in paths if path not in absent}
    violations = [Violation("H7", name, f"{path} does not exist") for path in absent]
    for playlist in (master, *(rendition.playlist for rendition in found.values())):
        violations += _check_form(playlist)
    for rendition in found.values():
        violations += _check_media(rendition)
    whole = {path: rendition for path, rendition in found.items() if not rendition.missing}
    for rendition in whole.values():
        violations += _check_content(rendition, decode=decode)
    broken = {violation.where for violation in violations if violation.rule == "H11"}
    readable = {path: rendition for path, rendition in whole.items() if rendition.map_uri and path not in broken}
    violations += _check_master(master)
    violations += _check_variants(master, readable)
    return list(dict.fromkeys(violations))


def _named(master: Playlist) -> list[str]:
    tags = [*master.attributes("EXT-X-MEDIA"), *master.attributes("EXT-X-I-FRAME-STREAM-INF")]
    uris = [uri for _, uri in master.variants] + [tag["URI"].strip('"') for tag in tags if "URI" in tag]
    return list(dict.fromkeys(uris))


def _check_form(playlist: Playlist) -> Iterator[Violation]:
    if playlist.first != "#EXTM3U":
        yield Violation("H1", playlist.path, f"it begins with {playlist.first!r}")
    for line in playlist.bad_attributes:
        yield Violation("H2", playlist.path, line)


def _check_media(rendition: Rendition) -> Iterator[Violation]:
    playlist, path = rendition.playlist, rendition.playlist.path
    needed = {"EXTINF": 3, "EXT-X-BYTERANGE": 4, "EXT-X-I-FRAMES-ONLY": 4, "EXT-X-MAP": 7}
    version = max((least for tag, least in needed.items() if tag in playlist.tags), default=1)
    if playlist.number("EXT-X-VERSION") < version:
        yield Violation("H3", path, f"version {playlist.number('EXT-X-VERSION')} where {version} is needed")
    if "EXT-X-ENDLIST" not in playlist.tags or playlist.tags.get("EXT-X-PLAYLIST-TYPE") != ["VOD"]:
        yield Violation("H4", path, "it is not VOD with an end")
    target = playlist.number("EXT-X-TARGETDURATION")
    for entry in playlist.entries:
        if int(entry.seconds + Fraction(1, 2)) > target:
            yield Violation("H5", path, f"{entry.uri} lasts {float(entry.seconds)} s, and the target is {target} s")
    for uri in rendition.missing:
        yield Violation("H7", path, f"{uri} does not exist")
    if rendition.fragmented and "EXT-X-INDEPENDENT-SEGMENTS" not in playlist.tags:
        yield Violation("H10", path, "its segments are not declared independent")


def _check_content(rendition: Rendition, *, decode: bool) -> Iterator[Violation]:
    playlist = rendition.playlist
    try:
        if "EXT-X-I-FRAMES-ONLY" in playlist.tags:
            yield from _check_keyframes(rendition, decode=decode)
        elif rendition.fragmented:
            yield from _check_times(rendition)
            yield from _check_segments(rendition, decode=decode)
    except Failed as failed:
        yield Violation("H11", playlist.path, str(failed))


def _check_times(rendition: Rendition) -> Iterator[Violation]:
    path, entries, starts = rendition.playlist.path, rendition.playlist.entries, rendition.starts
    said = list(accumulate((entry.seconds for entry in entries), initial=starts[0]))
    for number, entry in enumerate(entries):
        real = starts[number + 1] - starts[number]
        if abs(entry.seconds - real) > _MILLISECOND:
            yield Violation("H8", path, f"{entry.uri} is said to last {float(entry.seconds)} s, lasts {float(real)} s")
        if abs(said[number + 1] - starts[number + 1]) > _MILLISECOND:
            drift = float(said[number + 1] - starts[number + 1])
            yield Violation("H9", path, f"after {entry.uri} the durations are {drift:.6f} s off")


def _check_segments(rendition: Rendition, *, decode: bool) -> Iterator[Violation]:
    path = rendition.playlist.path
    picture = isinstance(rendition.init.entry, Picture)
    for entry, segment in zip(rendition.playlist.entries, rendition.segments, strict=True):
        if not segment[0].sync:
            yield Violation("H10", path, f"{entry.uri} does not begin with a keyframe")
        if not decode:
            continue
        frames, complaints = decoded(rendition.head + rendition.content(entry))
        samples = sum(fragment.samples for fragment in segment)
        # A decoder of sound may need the first packets to get going.
        if complaints or not samples - (0 if picture else 2) <= frames <= samples:
            yield Violation("H11", path, f"{frames} of {samples} samples of {entry.uri} are decoded: {complaints}")


def _check_keyframes(rendition: Rendition, *, decode: bool) -> Iterator[Violation]:
    path = rendition.playlist.path
    whole = {entry.uri: read_segment(rendition.head, _whole(rendition, entry)) for entry in rendition.playlist.entries}
    base = len(rendition.head)
    for entry in rendition.playlist.entries:
        ranges = [(f.offset - base, f.first_length) for f in whole[entry.uri] if f.sync]
        if (entry.at, entry.size) not in ranges:
            yield Violation("H23", path, f"{entry.size}@{entry.at} of {entry.uri} is not a keyframe with its header")
        if decode and (frames := decoded(rendition.head + rendition.content(entry))[0]) != 1:
            yield Violation("H23", path, f"{entry.size}@{entry.at} of {entry.uri} decodes to {frames} pictures")


def _whole(rendition: Rendition, entry: Entry) -> bytes:
    return (rendition.folder / entry.uri).read_bytes()


def decoded(content: bytes) -> tuple[int, str]:
    """Decode an MP4; return how many frames come out, and what ffprobe says to it."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(content)
        file.flush()
        argv = [program("ffprobe"), "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames"]
        ended = subprocess.run([*argv, "-of", "csv=p=0", file.name], capture_output=True, text=True, check=False)
    frames = ended.stdout.strip().strip(",")
    return int(frames) if frames.isdecimal() else 0, ended.stderr.strip()


def _check_master(master: Playlist) -> Iterator[Violation]:
    if master.number("EXT-X-VERSION") < 7:
        yield Violation("H3", master.path, f"version {master.number('EXT-X-VERSION')} where 7 is needed")
    media = master.attributes("EXT-X-MEDIA")
    groups = {(tag.get("TYPE"), tag.get("GROUP-ID")) for tag in media}
    for found, uri in master.variants:
        for kind in ("AUDIO", "SUBTITLES", "CLOSED-CAPTIONS"):
            if found.get(kind, "NONE") != "NONE" and (kind, found[kind]) not in groups:
                yield Violation("H19", uri, f"there is no {kind} group {found[kind]}")
        video = {"RESOLUTION", "FRAME-RATE", "VIDEO-RANGE"} if "RESOLUTION" in found or _pictured(found) else set()
        lacking = {"BANDWIDTH", "AVERAGE-BANDWIDTH", "CODECS", *video} - set(found)
        if lacking:
            yield Violation("H24", uri, f"it has no {', '.join(sorted(lacking))}")
    for group in groups:
        yield from _check_group(master.path, [tag for tag in media if (tag.get("TYPE"), tag.get("GROUP-ID")) == group])
    captions = {found.get("CLOSED-CAPTIONS") for found, _ in master.variants}
    if "NONE" in captions and len(captions) > 1:
        yield Violation("H21", master.path, f"the variants say {captions}")
    yield from _check_channels(master.path, [tag for tag in media if tag.get("TYPE") == "CLOSED-CAPTIONS"])


def _check_channels(path: str, members: Sequence[dict[str, str]]) -> Iterator[Violation]:
    named = [(member.get("GROUP-ID"), member.get("INSTREAM-ID", "")) for member in members]
    if len(set(named)) < len(named) or not all(_CHANNEL.fullmatch(channel) for _, channel in named):
        yield Violation("H25", path, f"the channels are {named}")
    if any("URI" in member for member in members):
        yield Violation("H25", path, "closed captions name a file")


def _pictured(found: dict[str, str]) -> bool:
    return any(
        codec.startswith(("avc", "hvc", "hev", "av01")) for codec in found.get("CODECS", "").strip('"').split(",")
    )


def _check_group(path: str, members: Sequence[dict[str, str]]) -> Iterator[Violation]:
    names = [member.get("NAME") for member in members]
    automatic = [(m.get("LANGUAGE"), m.get("FORCED")) for m in members if m.get("AUTOSELECT") == "YES"]
    if len(set(names)) < len(names) or None in names:
        yield Violation("H20", path, f"the names are {names}")
    if sum(member.get("DEFAULT") == "YES" for member in members) > 1:
        yield Violation("H20", path, f"of {names} several are the default")
    if len(set(automatic)) < len(automatic):
        yield Violation("H20", path, f"of {names} several are chosen for the same language")
    if any(m.get("DEFAULT") == "YES" and m.get("AUTOSELECT") != "YES" for m in members):
        yield Violation("H20", path, f"of {names} the default is not chosen automatically")


def _check_variants(master: Playlist, renditions: dict[str, Rendition]) -> Iterator[Violation]:
    sounds: dict[str, list[Rendition]] = {}
    for tag in master.attributes("EXT-X-MEDIA"):
        path = tag.get("URI", "").strip('"')
        if tag.get("TYPE") == "AUDIO" and path in renditions:
            sounds.setdefault(tag.get("GROUP-ID", ""), []).append(renditions[path])
    videos = []
    for found, uri in master.variants:
        if uri not in renditions:
            continue
        rendition, group = renditions[uri], sounds.get(found.get("AUDIO", ""), [])
        picture = isinstance(rendition.init.entry, Picture)
        parts = [[rendition], group] if picture else [group or [rendition]]
        yield from _check_rates(uri, found, parts)
        yield from _check_codecs(uri, found, parts)
        if picture:
            videos.append(rendition)
            yield from _check_picture(uri, found, rendition)
            yield from _check_start(uri, rendition, group)
            if found.get("CLOSED-CAPTIONS", "NONE") != "NONE" and not _captioned(rendition):
                yield Violation("H26", uri, "its first segment has no closed captions")
    for tag in master.attributes("EXT-X-I-FRAME-STREAM-INF"):
        path = tag.get("URI", "").strip('"')
        if path in renditions:
            yield from _check_rates(path, tag, [[renditions[path]]])
            yield from _check_codecs(path, tag, [[renditions[path]]])
            yield from _check_picture(path, tag, renditions[path])
    yield from _check_together(master.path, videos, [*videos, *(r for group in sounds.values() for r in group)])


def _captioned(rendition: Rendition) -> bool:
    """Whether ffprobe finds captions beside the frames of the first segment."""
    argv = [program("ffprobe"), "-v", "error", "-show_entries", "frame_side_data=side_data_type", "-of", "csv=p=0"]
    content = rendition.head + rendition.content(rendition.playlist.entries[0])
    ended = subprocess.run([*argv, "pipe:0"], input=content, capture_output=True, check=True)
    return b"A53 Part 4 Closed Captions" in ended.stdout


def _check_together(path: str, videos: Sequence[Rendition], all_: Sequence[Rendition]) -> Iterator[Violation]:
    targets = {rendition.playlist.number("EXT-X-TARGETDURATION") for rendition in all_}
    if len(targets) > 1:
        yield Violation("H6", path, f"the target durations are {sorted(targets)}")
    for rendition in videos[1:]:
        cuts, others = rendition.starts[:-1], videos[0].starts[:-1]
        if len(cuts) != len(others) or any(abs(a - b) > _MILLISECOND for a, b in zip(cuts, others, strict=True)):
            yield Violation("H18", rendition.playlist.path, f"it is not cut as {videos[0].playlist.path}")


def _check_rates(uri: str, found: dict[str, str], parts: Iterable[Sequence[Rendition]]) -> Iterator[Violation]:
    rates = [[_measured(rendition) for rendition in group] for group in parts if group]
    peak = sum(max(peak for peak, _ in group) for group in rates)
    average = sum(max(average for _, average in group) for group in rates)
    said, said_average = int(found.get("BANDWIDTH", 0)), int(found.get("AVERAGE-BANDWIDTH", 0))
    if not peak <= said <= Fraction(11, 10) * peak + 1:
        yield Violation("H12", uri, f"BANDWIDTH is {said}, and measured are {float(peak):.0f}")
    if not Fraction(9, 10) * average <= said_average <= Fraction(11, 10) * average + 1:
        yield Violation("H13", uri, f"AVERAGE-BANDWIDTH is {said_average}, and measured are {float(average):.0f}")


def _measured(rendition: Rendition) -> tuple[Fraction, Fraction]:
    """Measure peak and average over every row of segments that lasts 0.5 to 1.5 target durations."""
    entries = rendition.playlist.entries
    target = rendition.playlist.number("EXT-X-TARGETDURATION")
    bits = list(accumulate((8 * len(rendition.content(entry)) for entry in entries), initial=0))
    times = list(accumulate((entry.seconds for entry in entries), initial=Fraction(0)))
    peak = average = Fraction(bits[-1]) / times[-1]
    for begin in range(len(entries)):
        for end in range(begin + 1, len(entries) + 1):
            lasts = times[end] - times[begin]
            if Fraction(target, 2) <= lasts <= Fraction(3 * target, 2):
                peak = max(peak, (bits[end] - bits[begin]) / lasts)
    return peak, average


def _check_codecs(uri: str, found: dict[str, str], parts: Iterable[Sequence[Rendition]]) -> Iterator[Violation]:
    real = {rendition.init.entry.codec for group in parts for rendition in group}
    if set(found.get("CODECS", "").strip('"').split(",")) != real:
        yield Violation("H14", uri, f"CODECS is {found.get('CODECS')}, and the headers say {sorted(real)}")


def _check_picture(uri: str, found: dict[str, str], rendition: Rendition) -> Iterator[Violation]:
    picture = rendition.init.picture
    width, height = picture.display_size
    if found.get("RESOLUTION") != f"{width}x{height}":
        yield Violation("H15", uri, f"RESOLUTION is {found.get('RESOLUTION')}, and shown are {width} by {height}")
    if found.get("VIDEO-RANGE", "SDR") != picture.video_range:
        yield Violation("H17", uri, f"VIDEO-RANGE is {found.get('VIDEO-RANGE')}, and the colours {picture.colour}")
    if "FRAME-RATE" not in found:
        return
    fragments = [fragment for segment in rendition.segments for fragment in segment]
    lasts = rendition.starts[-1] - rendition.starts[0]
    mean = sum(fragment.samples for fragment in fragments) / lasts
    fastest = Fraction(rendition.init.timescale, max(1, min(fragment.shortest for fragment in fragments)))
    said = Fraction(found["FRAME-RATE"])
    three = re.fullmatch(r"\d+\.\d{3}", found["FRAME-RATE"])
    if not three or not (1 - RATE_ERROR) * mean <= said <= (1 + RATE_ERROR) * fastest:
        yield Violation(
            "H16", uri, f"FRAME-RATE is {found['FRAME-RATE']}, and measured are {float(mean):.3f} on average"
        )


def _check_start(uri: str, video: Rendition, group: Sequence[Rendition]) -> Iterator[Violation]:
    frame = Fraction(max(fragment.shortest for fragment in video.segments[0]), video.init.timescale)
    for audio in group:
        gap = max(Fraction(0), audio.starts[0]) - video.starts[0]
        if abs(gap) > 2 * frame:
            yield Violation("H22", uri, f"{audio.playlist.path} begins {float(gap):.3f} s after it")
